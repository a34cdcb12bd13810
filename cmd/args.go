package cmd

import (
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"
)

// arguments returns the arguments of a command, of which there must be between
// min and max.
func arguments(c *cli.Context, min, max int) ([]string, error) {
	args := c.Args().Slice()
	switch {
	case len(args) < min:
		return nil, usage(c, "an argument is missing")
	case len(args) <= max:
		return args, nil
	case args[max] != "" && args[max][0] == '-':
		return nil, usage(c, fmt.Sprintf("there is no flag %s", args[max]))
	}
	return nil, usage(c, fmt.Sprintf("unexpected argument %q", args[max]))
}

func usage(c *cli.Context, problem string) error {
	return fmt.Errorf("%s: %s: usage: %s %[1]s [options] %[4]s", c.Command.Name, problem, c.App.Name,
		c.Command.ArgsUsage)
}

// containerID returns the only argument of a command.
func containerID(c *cli.Context) (string, error) {
	args, err := arguments(c, 1, 1)
	if err != nil {
		return "", err
	}
	return args[0], nil
}

// onContainer returns a command that does something with one container.
func onContainer(usage string, do func(id string) error, flags ...cli.Flag) *cli.Command {
	return &cli.Command{
		Usage:     usage,
		ArgsUsage: "ID",
		Flags:     flags,
		Action: func(c *cli.Context) error {
			id, err := containerID(c)
			if err != nil {
				return err
			}
			return do(id)
		},
	}
}

// makeAbsolute makes paths absolute that are not empty.
func makeAbsolute(paths ...*string) error {
	for _, p := range paths {
		if *p == "" {
			continue
		}
		abs, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		*p = abs
	}
	return nil
}
