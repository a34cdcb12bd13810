package cmd

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/libcontainer"
)

func (a *App) checkpoint() *cli.Command {
	o := libcontainer.CheckpointOptions{StatusFd: -1}
	return &cli.Command{
		Usage:     "save a running container to files, with CRIU",
		ArgsUsage: "ID",
		Flags:     checkpointFlags(&o),
		Action: func(c *cli.Context) (err error) {
			if o.ID, err = containerID(c); err != nil {
				return err
			}
			if err := completeCRIU(c, &o.CRIUOptions); err != nil {
				return err
			}
			if o.PreDump && o.LazyPages {
				return errors.New("--pre-dump and --lazy-pages exclude each other")
			}
			return withFlags(a.runtime.Checkpoint(o))
		},
	}
}

func checkpointFlags(o *libcontainer.CheckpointOptions) []cli.Flag {
	return append(criuFlags(&o.CRIUOptions),
		&cli.StringFlag{Name: "parent-path", Destination: &o.ParentPath,
			Usage: "`DIR` of an earlier --pre-dump, relative to --image-path"},
		&cli.BoolFlag{Name: "leave-running", Destination: &o.LeaveRunning, Usage: "let the container run on",
			DisableDefaultText: true},
		&cli.BoolFlag{Name: "tcp-skip-in-flight", Destination: &o.TCPSkipInFlight,
			Usage: "leave out TCP connections that are being made", DisableDefaultText: true},
		&cli.BoolFlag{Name: "link-remap", Destination: &o.LinkRemap,
			Usage: "link files without a name back into their directory", DisableDefaultText: true},
		&cli.IntFlag{Name: "status-fd", Destination: &o.StatusFd, Value: -1,
			Usage: "CRIU writes a NUL to descriptor `FD` when lazy pages can be fetched", DefaultText: "none"},
		&cli.StringFlag{Name: "page-server", Destination: &o.PageServer,
			Usage: "send memory to the page server at `ADDRESS:PORT`"},
		&cli.BoolFlag{Name: "pre-dump", Destination: &o.PreDump,
			Usage: "save memory only, and let the container run on", DisableDefaultText: true},
	)
}

// criuFlags are the flags that checkpoint and restore have in common.
func criuFlags(o *libcontainer.CRIUOptions) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "image-path", Destination: &o.ImagePath, Value: "checkpoint",
			Usage: "`DIR` of the saved files", DefaultText: "checkpoint in the working directory"},
		&cli.StringFlag{Name: "work-path", Destination: &o.WorkPath, Usage: "`DIR` of CRIU's logs",
			DefaultText: "that of --image-path"},
		&cli.BoolFlag{Name: "tcp-established", Destination: &o.TCPEstablished, Usage: "allow open TCP connections",
			DisableDefaultText: true},
		&cli.BoolFlag{Name: "ext-unix-sk", Destination: &o.ExtUnixSk,
			Usage: "allow Unix sockets that are connected out of the container", DisableDefaultText: true},
		&cli.BoolFlag{Name: "shell-job", Destination: &o.ShellJob, Usage: "allow the terminal of the calling shell",
			DisableDefaultText: true},
		&cli.BoolFlag{Name: "lazy-pages", Destination: &o.LazyPages,
			Usage: "bring memory after the restore, when it is touched (userfaultfd)", DisableDefaultText: true},
		&cli.BoolFlag{Name: "file-locks", Destination: &o.FileLocks, Usage: "allow file locks",
			DisableDefaultText: true},
		&cli.StringFlag{Name: "manage-cgroups-mode", Destination: &o.ManageCgroups,
			Usage: "how cgroups are restored: `MODE` soft, full, strict or ignore", DefaultText: "soft"},
		&cli.StringSliceFlag{Name: "empty-ns", Usage: "restore a `NAMESPACE` without what is in it: network"},
		&cli.BoolFlag{Name: "auto-dedup", Destination: &o.AutoDedup,
			Usage: "remove memory from the images of the parent that is in newer ones", DisableDefaultText: true},
	}
}

func completeCRIU(c *cli.Context, o *libcontainer.CRIUOptions) error {
	o.EmptyNS = c.StringSlice("empty-ns")
	if o.ImagePath == "" {
		return errors.New("--image-path is empty")
	}
	return makeAbsolute(&o.ImagePath, &o.WorkPath)
}
