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
		stringFlag("console-socket", &o.ConsoleSocket, "send the terminal's master to the socket at `PATH`"),
		stringFlag("pidfd-socket", &o.PidfdSocket, "send a pidfd of the process to the socket at `PATH`"),
		stringFlag("pid-file", &o.PidFile, "write the process's pid to `FILE`"),
		boolFlag("no-pivot", &o.NoPivot, "change the root with chroot, not pivot_root"),
		boolFlag("no-new-keyring", &o.NoNewKeyring, "keep the session keyring"),
		preserveFlag(&o.PreserveFds),
		boolFlag("no-subreaper", &o.NoSubreaper, "run: do not adopt and reap what the container's processes leave"),
	)
}

// bundleFlags are the flags that say where config.json is.
func bundleFlags(o *libcontainer.CreateOptions) []cli.Flag {
	return []cli.Flag{
		bundleFlag(&o.Bundle),
		stringFlag("config, f", &o.Config, "use `FILE` instead of the bundle's config.json"),
	}
}

func bundleFlag(to *string) cli.Flag {
	return &cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Destination: to, Value: ".",
		Usage: "`DIR` of the bundle", DefaultText: "working directory"}
}

func preserveFlag(to *int) cli.Flag {
	return &cli.IntFlag{Name: "preserve-fds", Destination: to, Usage: "pass `N` more file descriptors to the process"}
}

// complete takes the ID from the arguments and makes the paths absolute.
func complete(c *cli.Context, o *libcontainer.CreateOptions) (err error) {
	if o.ID, err = containerID(c); err != nil {
		return err
	}
	return makeAbsolute(&o.Bundle, &o.Config, &o.ConsoleSocket, &o.PidfdSocket, &o.PidFile)
}
