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
		bundleFlag(&o.Bundle),
		stringFlag("console-socket", &o.ConsoleSocket, "send the terminal's master to the socket at `PATH`"),
		boolFlag("detach, d", &o.Detach, "do not wait for the process"),
		stringFlag("pid-file", &o.PidFile, "write the process's pid to `FILE`"),
		boolFlag("no-subreaper", &o.NoSubreaper, "do not adopt and reap what the container's processes leave"),
		boolFlag("no-pivot", nil, "ignored: it is CRIU that changes the root"),
		stringFlag("lsm-profile", &o.LSMProfile, "restore under another `TYPE:NAME` than was saved"),
		stringFlag("lsm-mount-context", &o.LSMMountContext, "mount with the SELinux `CONTEXT`"),
	)
}
