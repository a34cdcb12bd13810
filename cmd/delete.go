package cmd

import "github.com/urfave/cli/v2"

func (a *App) deleteCommand() *cli.Command {
	var force bool
	return &cli.Command{
		Usage:     "remove a stopped container",
		ArgsUsage: "ID",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Destination: &force,
				Usage: "kill the container first; it need not exist", DisableDefaultText: true},
		},
		Action: func(c *cli.Context) error {
			id, err := containerID(c)
			if err != nil {
				return err
			}
			return a.runtime.Delete(id, force)
		},
	}
}
