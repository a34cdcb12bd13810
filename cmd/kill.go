package cmd

import (
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

func (a *App) kill() *cli.Command {
	var all, regex bool
	return &cli.Command{
		Usage:     "send a signal to the process of a container",
		ArgsUsage: "ID [SIGNAL]",
		Flags: []cli.Flag{
			boolFlag("all, a", &all, "send it to all processes of the container"),
			regexFlag(&regex),
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 2)
			if err != nil {
				return err
			}
			sig := unix.SIGTERM
			if len(args) == 2 {
				if sig, err = parseSignal(args[1]); err != nil {
					return err
				}
			}
			return a.each(args[0], regex, func(id string) error { return a.runtime.Kill(id, sig, all) })
		},
	}
}
