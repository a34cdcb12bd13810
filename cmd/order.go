package cmd

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst moves the flags of a command that stand behind its first argument
// to before it, as runc takes them: `delete ID --force`. What follows the ID of
// exec and ps is for another program and stays as it is, and so does what
// follows "--".
func flagsFirst(app *cli.App, args []string) []string {
	at := commandIndex(app, args)
	if at == len(args) {
		return args
	}
	c := app.Command(args[at])
	if c == nil || passesOn(c) {
		return args
	}
	rest := args[at+1:]
	ordered := append(make([]string, 0, len(args)), args[:at+1]...)
	var others []string
	for i := 0; i < len(rest); i++ {
		if rest[i] == "--" {
			others = append(others, rest[i:]...)
			break
		}
		if isHelp(rest[i]) && rest[i][0] == '-' {
			return append(args[:at+1:at+1], "--help") // or cli takes the ID for the name of a topic
		}
		known, separate := findFlag(c.Flags, rest[i])
		if !known {
			others = append(others, rest[i])
			continue
		}
		ordered = append(ordered, rest[i])
		if separate && i+1 < len(rest) {
			i++
			ordered = append(ordered, rest[i])
		}
	}
	return append(ordered, others...)
}

// passesOn reports whether what follows the ID is for another program.
func passesOn(c *cli.Command) bool { return c.Name == "exec" || c.Name == "ps" }

// commandIndex is the index of the command among the arguments: the first that
// is neither a global flag nor the value of one; or len(args).
func commandIndex(app *cli.App, args []string) int {
	for i := 1; i < len(args); i++ {
		if !isFlag(args[i]) {
			return i
		}
		if _, separate := findFlag(app.Flags, args[i]); separate {
			i++
		}
	}
	return len(args)
}

// findFlag looks an argument up among flags, in either spelling. With separate
// the flag's value is the next argument.
func findFlag(flags []cli.Flag, arg string) (known, separate bool) {
	if !isFlag(arg) {
		return false, false
	}
	name, _, hasValue := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
	f := flagOf(flags, name)
	_, isBool := f.(*cli.BoolFlag)
	return f != nil, f != nil && !isBool && !hasValue
}
