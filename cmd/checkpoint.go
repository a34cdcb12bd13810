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
		stringFlag("parent-path", &o.ParentPath, "`DIR` of an earlier --pre-dump, relative to --image-path"),
		boolFlag("leave-running", &o.LeaveRunning, "let the container run on"),
		boolFlag("tcp-skip-in-flight", &o.TCPSkipInFlight, "leave out TCP connections that are being made"),
		boolFlag("link-remap", &o.LinkRemap, "link files without a name back into their directory"),
		&cli.IntFlag{Name: "status-fd", Destination: &o.StatusFd, Value: -1,
			Usage: "CRIU writes a NUL to descriptor `FD` when lazy pages can be fetched", DefaultText: "none"},
		stringFlag("page-server", &o.PageServer, "send memory to the page server at `ADDRESS:PORT`"),
		boolFlag("pre-dump", &o.PreDump, "save memory only, and let the container run on"),
	)
}

// criuFlags are the flags that checkpoint and restore have in common.
func criuFlags(o *libcontainer.CRIUOptions) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "image-path", Destination: &o.ImagePath, Value: "checkpoint",
			Usage: "`DIR` of the saved files", DefaultText: "checkpoint in the working directory"},
		&cli.StringFlag{Name: "work-path", Destination: &o.WorkPath, Usage: "`DIR` of CRIU's logs",
			DefaultText: "that of --image-path"},
		boolFlag("tcp-established", &o.TCPEstablished, "allow open TCP connections"),
		boolFlag("ext-unix-sk", &o.ExtUnixSk, "allow Unix sockets that are connected out of the container"),
		boolFlag("shell-job", &o.ShellJob, "allow the terminal of the calling shell"),
		boolFlag("lazy-pages", &o.LazyPages, "bring memory after the restore, when it is touched (userfaultfd)"),
		boolFlag("file-locks", &o.FileLocks, "allow file locks"),
		&cli.StringFlag{Name: "manage-cgroups-mode", Destination: &o.ManageCgroups,
			Usage: "how cgroups are restored: `MODE` soft, full, strict or ignore", DefaultText: "soft"},
		listFlag("empty-ns", "restore a `NAMESPACE` without what is in it: network"),
		boolFlag("auto-dedup", &o.AutoDedup, "remove memory from the images of the parent that is in newer ones"),
	}
}

func completeCRIU(c *cli.Context, o *libcontainer.CRIUOptions) error {
	o.EmptyNS = c.StringSlice("empty-ns")
	if o.ImagePath == "" {
		return errors.New("--image-path is empty")
	}
	return makeAbsolute(&o.ImagePath, &o.WorkPath)
}
