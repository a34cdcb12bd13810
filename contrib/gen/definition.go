package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/cmd"
)

// program is what there is to tell of the command line.
type program struct {
	name, usage string
	flags       []flag
	commands    []command
}

type command struct {
	name, usage string
	args        string // such as "ID [SIGNAL]"
	about       string
	group       string
	examples    []cmd.Example
	flags       []flag
}

// flag is a flag with its names, the long one first, without dashes.
type flag struct {
	names []string
	value string // placeholder of its value, empty if it takes none
	usage string
	text  string // of its default, may be empty
}

// definition reads the definitions of cli.
func definition() program {
	app := cmd.New(cmd.Build{}).Definition()
	p := program{name: app.Name, usage: app.Usage}
	p.flags = append(flags(app.Flags), flag{names: []string{"version", "v"}, usage: "print the version"}, help())
	for _, c := range app.Commands {
		if c.Hidden {
			continue
		}
		p.commands = append(p.commands, command{
			name: c.Name, usage: c.Usage, args: c.ArgsUsage, about: c.Description, group: c.Category,
			examples: cmd.HelpOf(c.Name).Examples,
			flags:    append(flags(c.Flags), help()),
		})
	}
	return p
}

func help() flag { return flag{names: []string{"help", "h"}, usage: "show help"} }

func flags(list []cli.Flag) (all []flag) {
	for _, f := range list {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		d := f.(cli.DocGenerationFlag)
		g := flag{names: f.Names(), usage: d.GetUsage()}
		if d.TakesValue() {
			g.value = "VALUE"
			g.text = d.GetDefaultText()
		}
		if before, rest, ok := strings.Cut(g.usage, "`"); ok {
			name, after, _ := strings.Cut(rest, "`")
			g.value, g.usage = name, before+name+after
		}
		all = append(all, g)
	}
	return all
}

// describe is the usage with the default.
func (f flag) describe() string {
	if f.text == "" || f.text == `""` || f.text == "0" {
		return f.usage
	}
	return f.usage + " (default: " + strings.Trim(f.text, `"`) + ")"
}

// spelled returns the names with their dashes.
func (f flag) spelled() (list []string) {
	for _, n := range f.names {
		if len(n) == 1 {
			list = append(list, "-"+n)
		} else {
			list = append(list, "--"+n)
		}
	}
	return list
}

// A kind is what a flag's value or an argument is completed with.
type kind string

const (
	kindNothing kind = ""
	kindAny     kind = "any" // a value of which nothing is known
	kindDir     kind = "dir"
	kindFile    kind = "file"
	kindWords   kind = "words"
	kindIDs     kind = "ids" // of existing containers
)

// completion says what the value of a flag can be, and the words if it is one
// of some.
func (f flag) completion() (kind, []string) {
	if f.value == "" {
		return kindNothing, nil
	}
	switch f.names[0] {
	case "format":
		return kindWords, []string{"table", "json"}
	case "log-format":
		return kindWords, []string{"text", "json"}
	case "log-level":
		return kindWords, []string{"error", "warning", "info", "debug"}
	case "cgroup-manager":
		return kindWords, []string{"cgroupfs", "systemd", "disabled"}
	case "rootless":
		return kindWords, []string{"true", "false", "auto"}
	case "manage-cgroups-mode":
		return kindWords, []string{"soft", "full", "strict", "ignore"}
	}
	switch f.value {
	case "DIR":
		return kindDir, nil
	case "FILE", "PATH":
		return kindFile, nil
	}
	return kindAny, nil
}

// argument says what the argument at an index is completed with.
func (c command) argument(i int) (kind, []string) {
	names := strings.Fields(c.args)
	if i >= len(names) {
		return kindNothing, nil
	}
	switch strings.Trim(names[i], "[].") {
	case "ID":
		if slices.Contains([]string{"create", "run", "restore"}, c.name) {
			return kindNothing, nil // it is new
		}
		return kindIDs, nil
	case "SIGNAL":
		return kindWords, []string{"HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "CONT", "STOP"}
	case "BUNDLE", "DIR":
		return kindDir, nil
	case "FILE":
		return kindFile, nil
	}
	return kindNothing, nil
}
