package cmd

import "github.com/urfave/cli/v2"

func (a *App) deleteCommand() *cli.Command {
	var force, regex bool
	return &cli.Command{
		Usage:     "remove a stopped container",
		ArgsUsage: "ID",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Destination: &force,
				Usage: "kill the container first; it need not exist", DisableDefaultText: true},
			regexFlag(&regex),
		},
		Action: func(c *cli.Context) error {
			id, err := containerID(c)
			if err != nil {
				return err
			}
			return a.each(id, regex, func(id string) error { return a.runtime.Delete(id, force) })
		},
	}
}
