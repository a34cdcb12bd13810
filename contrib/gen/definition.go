package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/cmd"
)

// program is what there is to tell of the command line.
type program struct {
	Program  command // without a name: what stands before a command
	Commands []command
}

type command struct {
	cmd.Help
	Name, Usage string
	Args        string // such as "ID [SIGNAL]"
	Flags       []flag
}

// flag is a flag with its names, the long one first, without dashes.
type flag struct {
	Names []string
	Value string // placeholder of its value, empty if it takes none
	Usage string
	text  string // of its default, may be empty
}

type argument struct {
	Name       string
	Completion completion
}

// definition reads the definitions of cli.
func definition() (p program) {
	app := cmd.New(cmd.Build{}).Definition()
	version := flag{Names: []string{"version", "v"}, Usage: "print the version"}
	p.Program = command{Usage: app.Usage, Flags: append(flags(app.Flags), version, help())}
	for _, c := range app.Commands {
		if !c.Hidden {
			p.Commands = append(p.Commands, command{
				cmd.HelpOf(c.Name), c.Name, c.Usage, c.ArgsUsage, append(flags(c.Flags), help()),
			})
		}
	}
	return p
}

func help() flag { return flag{Names: []string{"help", "h"}, Usage: "show help"} }

func flags(list []cli.Flag) (all []flag) {
	for _, f := range list {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		d := f.(cli.DocGenerationFlag)
		g := flag{Names: f.Names(), Usage: d.GetUsage()}
		if d.TakesValue() {
			g.Value = "VALUE"
			g.text = d.GetDefaultText()
		}
		if before, rest, ok := strings.Cut(g.Usage, "`"); ok {
			name, after, _ := strings.Cut(rest, "`")
			g.Value, g.Usage = name, before+name+after
		}
		all = append(all, g)
	}
	return all
}

// Flags are the global ones.
func (p program) Flags() []flag { return p.Program.Flags }

// Scopes are all that has flags of its own.
func (p program) Scopes() []command { return slices.Concat([]command{p.Program}, p.Commands) }

// ByGroup returns the commands so that those of a group are together.
func (p program) ByGroup() []command {
	return slices.SortedStableFunc(slices.Values(p.Commands), func(a, b command) int {
		return cmp.Compare(a.Group, b.Group)
	})
}

// Describe is the usage with the default.
func (f flag) Describe() string {
	if f.text == "" || f.text == `""` || f.text == "0" {
		return f.Usage
	}
	return f.Usage + " (default: " + strings.Trim(f.text, `"`) + ")"
}

// Spelled returns the names with their dashes.
func (f flag) Spelled() (list []string) {
	for _, n := range f.Names {
		if len(n) == 1 {
			list = append(list, "-"+n)
		} else {
			list = append(list, "--"+n)
		}
	}
	return list
}

// A completion is what a flag's value or an argument is completed with: one of these, or one
// of some words.
type completion string

const (
	completeNothing completion = ""
	completeAny     completion = "any" // a value of which nothing is known
	completeDir     completion = "dir"
	completeFile    completion = "file"
	completeID      completion = "ids" // of existing containers
)

// words are those of one of some.
func (c completion) words() (string, bool) { return strings.CutPrefix(string(c), "words ") }

// Completion says what the value of a flag can be.
func (f flag) Completion() completion {
	if f.Value == "" {
		return completeNothing
	}
	switch f.Names[0] {
	case "format":
		return "words table json"
	case "log-format":
		return "words text json"
	case "log-level":
		return "words error warning info debug"
	case "cgroup-manager":
		return "words cgroupfs systemd disabled"
	case "rootless":
		return "words true false auto"
	case "manage-cgroups-mode":
		return "words soft full strict ignore"
	}
	switch f.Value {
	case "DIR":
		return completeDir
	case "FILE", "PATH":
		return completeFile
	}
	return completeAny
}

// Arguments are the arguments of a command in their order.
func (c command) Arguments() (list []argument) {
	for name := range strings.FieldsSeq(c.Args) {
		list = append(list, argument{name, c.completion(strings.Trim(name, "[]."))})
	}
	return list
}

func (c command) completion(argument string) completion {
	switch argument {
	case "ID":
		if slices.Contains([]string{"create", "run", "restore"}, c.Name) {
			return completeNothing // it is new
		}
		return completeID
	case "SIGNAL":
		return "words HUP INT QUIT KILL USR1 USR2 TERM CONT STOP"
	case "BUNDLE", "DIR":
		return completeDir
	case "FILE":
		return completeFile
	}
	return completeNothing
}
