package cmd

import (
	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/libcontainer"
)

func (a *App) restore() *cli.Command {
	var o libcontainer.RestoreOptions
	return &cli.Command{
		Usage:     "bring a container back from files, with CRIU",
		ArgsUsage: "ID",
		Flags:     restoreFlags(&o),
		Action: func(c *cli.Context) error {
			err := complete(c, &o.CreateOptions)
			if err == nil {
				err = completeCRIU(c, &o.CRIUOptions)
			}
			if err != nil {
				return err
			}
			a.status, err = a.runtime.Restore(o)
			return withFlags(err)
		},
	}
}

func restoreFlags(o *libcontainer.RestoreOptions) []cli.Flag {
	return append(criuFlags(&o.CRIUOptions),
		&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Destination: &o.Bundle, Value: ".",
			Usage: "`DIR` of the bundle", DefaultText: "working directory"},
		&cli.StringFlag{Name: "console-socket", Destination: &o.ConsoleSocket,
			Usage: "send the terminal's master to the socket at `PATH`"},
		&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Destination: &o.Detach,
			Usage: "do not wait for the process", DisableDefaultText: true},
		&cli.StringFlag{Name: "pid-file", Destination: &o.PidFile, Usage: "write the process's pid to `FILE`"},
		&cli.BoolFlag{Name: "no-subreaper", Destination: &o.NoSubreaper,
			Usage: "do not adopt and reap what the container's processes leave", DisableDefaultText: true},
		&cli.BoolFlag{Name: "no-pivot", Usage: "ignored: it is CRIU that changes the root", DisableDefaultText: true},
		&cli.StringFlag{Name: "lsm-profile", Destination: &o.LSMProfile,
			Usage: "restore under another `TYPE:NAME` than was saved"},
		&cli.StringFlag{Name: "lsm-mount-context", Destination: &o.LSMMountContext,
			Usage: "mount with the SELinux `CONTEXT`"},
	)
}
