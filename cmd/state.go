package cmd

import (
	"github.com/urfave/cli/v2"
)

func (a *App) state() *cli.Command {
	return &cli.Command{
		Usage:     "print the state of a container as JSON",
		ArgsUsage: "ID",
		Action: func(c *cli.Context) error {
			id, err := containerID(c)
			if err != nil {
				return err
			}
			s, err := a.runtime.State(id)
			if err != nil {
				return err
			}
			_, err = a.stdout.Write(append(appendState(nil, s, "", ""), '\n'))
			return err
		},
	}
}
