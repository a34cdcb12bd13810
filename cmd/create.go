package cmd

import (
	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/libcontainer"
)

func (a *App) create() *cli.Command {
	var o libcontainer.CreateOptions
	var timeline string
	return &cli.Command{
		Usage:     "create a container, whose process then waits for start",
		ArgsUsage: "ID",
		Flags:     append(createFlags(&o), timelineFlag(&timeline)),
		Action: func(c *cli.Context) error {
			if err := complete(c, &o); err != nil {
				return err
			}
			return a.timed(timeline, func() error { return withFlags(a.runtime.Create(o)) })
		},
	}
}

// createFlags are the flags that create and run have in common.
func createFlags(o *libcontainer.CreateOptions) []cli.Flag {
	return append(bundleFlags(o),
		&cli.StringFlag{Name: "console-socket", Destination: &o.ConsoleSocket,
			Usage: "send the terminal's master to the socket at `PATH`"},
		&cli.StringFlag{Name: "pidfd-socket", Destination: &o.PidfdSocket,
			Usage: "send a pidfd of the process to the socket at `PATH`"},
		&cli.StringFlag{Name: "pid-file", Destination: &o.PidFile, Usage: "write the process's pid to `FILE`"},
		&cli.BoolFlag{Name: "no-pivot", Destination: &o.NoPivot, Usage: "change the root with chroot, not pivot_root",
			DisableDefaultText: true},
		&cli.BoolFlag{Name: "no-new-keyring", Destination: &o.NoNewKeyring, Usage: "keep the session keyring",
			DisableDefaultText: true},
		&cli.IntFlag{Name: "preserve-fds", Destination: &o.PreserveFds,
			Usage: "pass `N` more file descriptors to the process"},
		&cli.BoolFlag{Name: "no-subreaper", Destination: &o.NoSubreaper,
			Usage: "run: do not adopt and reap what the container's processes leave", DisableDefaultText: true},
	)
}

// bundleFlags are the flags that say where config.json is.
func bundleFlags(o *libcontainer.CreateOptions) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Destination: &o.Bundle, Value: ".",
			Usage: "`DIR` of the bundle", DefaultText: "working directory"},
		&cli.StringFlag{Name: "config", Aliases: []string{"f"}, Destination: &o.Config,
			Usage: "use `FILE` instead of the bundle's config.json"},
	}
}

// complete takes the ID from the arguments and makes the paths absolute.
func complete(c *cli.Context, o *libcontainer.CreateOptions) (err error) {
	if o.ID, err = containerID(c); err != nil {
		return err
	}
	return makeAbsolute(&o.Bundle, &o.Config, &o.ConsoleSocket, &o.PidfdSocket, &o.PidFile)
}
