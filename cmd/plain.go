package cmd

import (
	"cmp"
	"flag"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// plain parses a plain command line: known flags with good values, a command and
// its arguments. For that cli would set up each flag that there is, a tenth of a
// short command's time. Whatever else args are, help or wrong or only rare, is
// left to cli: plain returns nil, and may have set variables of flags.
//
// The context is what cli would give to the command's action, except that it has
// only the command's flags, of these only those that were given, and they only by
// their first names.
func (a *App) plain(args []string) *cli.Context {
	if len(args) == 0 {
		return nil
	}
	global := parsePlain(a.global.flags(), args[1:], true)
	if global == nil || global.NArg() == 0 {
		return nil
	}
	list := a.commands(func(name string) bool { return name == global.Arg(0) })
	if len(list) == 0 {
		return nil
	}
	set := parsePlain(list[0].Flags, global.Args()[1:], passesOn(list[0]))
	if set == nil {
		return nil
	}
	c := cli.NewContext(&cli.App{Name: programName(args)}, set, nil)
	c.Command = list[0]
	return c
}

// parsePlain returns the flags that args have, and the arguments that are none;
// nil if they are not plain. With stop flags end at the first argument.
func parsePlain(flags []cli.Flag, args []string, stop bool) *flag.FlagSet {
	for _, f := range flags {
		setDefault(f)
	}
	var set flag.FlagSet
	others := []string{"--"} // the end of flags
	for len(args) > 0 {
		switch arg := args[0]; {
		case arg == "--" && len(others) == 1:
			others, args = append(others, args[1:]...), nil
		case arg == "--" || stop && !isFlag(arg):
			others, args = append(others, args...), nil
		case !isFlag(arg):
			others, args = append(others, arg), args[1:]
		default:
			n := setPlain(&set, flags, args)
			if n == 0 {
				return nil
			}
			args = args[n:]
		}
	}
	set.Parse(others) // which has no flags
	return &set
}

func isFlag(arg string) bool { return len(arg) > 1 && arg[0] == '-' }

// setPlain sets the flag that args begin with. It returns how many of args it is: 0
// if it is not plain.
func setPlain(set *flag.FlagSet, flags []cli.Flag, args []string) int {
	name, value, hasValue := strings.Cut(strings.TrimPrefix(args[0][1:], "-"), "=")
	f := flagOf(flags, name)
	if f == nil {
		return 0
	}
	n := 1
	if !hasValue {
		switch _, isBool := f.(*cli.BoolFlag); {
		case isBool:
			value = "true"
		case len(args) == 1:
			return 0
		default:
			value, n = args[1], 2
		}
	}
	first, _ := namesOf(f)
	if known := set.Lookup(first); known == nil {
		define(set, f, name)
	} else if known.Usage != name {
		return 0 // cli refuses two names of one flag
	}
	if _, isSlice := f.(*cli.StringSliceFlag); isSlice && !isPlainElement(value) {
		return 0
	}
	if set.Set(first, value) != nil {
		return 0
	}
	return n
}

// isPlainElement reports whether a value of a slice remains as it is. Only cli can
// tell a slice not to split it at a comma, and the other names of a flag get it
// from cli in JSON.
func isPlainElement(value string) bool {
	return !strings.Contains(value, ",") && utf8.ValidString(value)
}

func flagOf(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		first, aliases := namesOf(f)
		if name == first || slices.Contains(aliases, name) {
			return f
		}
	}
	return nil
}

// namesOf returns the names of a flag. Names, its method, puts each through a
// regular expression.
func namesOf(f cli.Flag) (first string, aliases []string) {
	switch f := f.(type) {
	case *cli.BoolFlag:
		return f.Name, f.Aliases
	case *cli.DurationFlag:
		return f.Name, f.Aliases
	case *cli.IntFlag:
		return f.Name, f.Aliases
	case *cli.StringFlag:
		return f.Name, f.Aliases
	case *cli.StringSliceFlag:
		return f.Name, f.Aliases
	}
	return "", nil
}

// setDefault gives the variable of a flag its default.
func setDefault(f cli.Flag) {
	switch f := f.(type) {
	case *cli.BoolFlag:
		assign(f.Destination, f.Value)
	case *cli.DurationFlag:
		assign(f.Destination, f.Value)
	case *cli.IntFlag:
		assign(f.Destination, f.Value)
	case *cli.StringFlag:
		assign(f.Destination, f.Value)
	}
}

func assign[T any](to *T, value T) {
	if to != nil {
		*to = value
	}
}

// define puts a flag into a set, by its first name. The usage is the name by which
// it was given.
func define(set *flag.FlagSet, f cli.Flag, usage string) {
	switch f := f.(type) {
	case *cli.BoolFlag:
		set.BoolVar(cmp.Or(f.Destination, new(bool)), f.Name, f.Value, usage)
	case *cli.DurationFlag:
		set.DurationVar(cmp.Or(f.Destination, new(time.Duration)), f.Name, f.Value, usage)
	case *cli.IntFlag:
		set.IntVar(cmp.Or(f.Destination, new(int)), f.Name, f.Value, usage)
	case *cli.StringFlag:
		set.StringVar(cmp.Or(f.Destination, new(string)), f.Name, f.Value, usage)
	case *cli.StringSliceFlag:
		set.Var(new(cli.StringSlice), f.Name, usage)
	}
}
