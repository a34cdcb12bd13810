package cmd

import "github.com/urfave/cli/v2"

func (a *App) pause() *cli.Command {
	return &cli.Command{
		Usage:     "stop all processes of a container until resume",
		ArgsUsage: "ID",
		Action: func(c *cli.Context) error {
			id, err := containerID(c)
			if err != nil {
				return err
			}
			return a.runtime.Pause(id)
		},
	}
}

func (a *App) resume() *cli.Command {
	return &cli.Command{
		Usage:     "let the processes of a paused container go on",
		ArgsUsage: "ID",
		Action: func(c *cli.Context) error {
			id, err := containerID(c)
			if err != nil {
				return err
			}
			return a.runtime.Resume(id)
		},
	}
}
