package cmd

import "github.com/urfave/cli/v2"

func (a *App) start() *cli.Command {
	return &cli.Command{
		Usage:     "start the process of a created container",
		ArgsUsage: "ID",
		Action: func(c *cli.Context) error {
			id, err := containerID(c)
			if err != nil {
				return err
			}
			return a.runtime.Start(id)
		},
	}
}
