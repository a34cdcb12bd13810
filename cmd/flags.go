package cmd

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// boolFlag is a flag without a value. Its names are as in "detach, d". The variable
// may be nil, here as below, for a flag that is looked up in the context.
func boolFlag(names string, to *bool, usage string) cli.Flag {
	name, aliases := splitNames(names)
	return &cli.BoolFlag{Name: name, Aliases: aliases, Destination: to, Usage: usage, DisableDefaultText: true}
}

// stringFlag is a flag with a value, whose placeholder stands in backquotes in the usage.
func stringFlag(names string, to *string, usage string) cli.Flag {
	name, aliases := splitNames(names)
	return &cli.StringFlag{Name: name, Aliases: aliases, Destination: to, Usage: usage}
}

// listFlag is a flag that may be given several times.
func listFlag(names, usage string) cli.Flag {
	name, aliases := splitNames(names)
	return &cli.StringSliceFlag{Name: name, Aliases: aliases, Usage: usage}
}

func splitNames(names string) (name string, aliases []string) {
	list := strings.Split(names, ", ")
	return list[0], list[1:]
}
