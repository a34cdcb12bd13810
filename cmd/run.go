package cmd

import (
	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/libcontainer"
)

func (a *App) run() *cli.Command {
	var o libcontainer.CreateOptions
	var timeline string
	return &cli.Command{
		Usage:     "create and start a container",
		ArgsUsage: "ID",
		Flags: append(createFlags(&o),
			boolFlag("detach, d", &o.Detach, "do not wait for the process"),
			boolFlag("keep", &o.Keep, "do not delete the container"),
			timelineFlag(&timeline),
		),
		Action: func(c *cli.Context) error {
			err := complete(c, &o)
			if err != nil {
				return err
			}
			return a.timed(timeline, func() (err error) {
				a.status, err = a.runtime.Run(o)
				return withFlags(err)
			})
		},
	}
}
