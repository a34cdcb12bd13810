package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/criu"
	"github.com/rung-oci/rung/libcontainer/descriptors"
	"github.com/rung-oci/rung/libcontainer/external"
	"github.com/rung-oci/rung/libcontainer/foreground"
	"github.com/rung-oci/rung/libcontainer/hooks"
	"github.com/rung-oci/rung/libcontainer/host"
	"github.com/rung-oci/rung/libcontainer/namespaces"
	"github.com/rung-oci/rung/libcontainer/netdevice"
	"github.com/rung-oci/rung/libcontainer/notify"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/libcontainer/terminal"
	"github.com/rung-oci/rung/spec"
)

// RestoreOptions are what the command line says of a restore.
type RestoreOptions struct {
	CreateOptions
	CRIUOptions
	LSMProfile      string
	LSMMountContext string
}

// restoration is a container being brought back from files.
type restoration struct {
	*creation
	o       RestoreOptions
	network bool // rung sets up the network namespace, not CRIU
}

// Restore brings a container back from the files that a checkpoint has saved. In
// the foreground it goes on as [Runtime.Run] does.
func (r *Runtime) Restore(o RestoreOptions) (int, error) {
	if err := descriptors.CheckRoom(64); err != nil {
		return 0, err
	}
	f := foreground.Process{Log: r.Log, Subreaper: !o.NoSubreaper}
	if !o.Detach {
		if err := f.Catch(); err != nil {
			return 0, err
		}
	}
	c, err := r.restore(o, &f)
	if err != nil {
		return 0, err
	}
	defer c.release()
	if o.Detach {
		return 0, nil
	}
	return c.attend(&f)
}

func (r *Runtime) restore(o RestoreOptions, f *foreground.Process) (*creation, error) {
	s, config, err := r.loadBundle(o.Bundle, o.Config)
	if err != nil {
		return nil, err
	}
	if err := checkMountNS(s); err != nil {
		return nil, err
	}
	if err := terminal.Check(s.Process != nil && s.Process.Terminal, o.Detach, o.ConsoleSocket); err != nil {
		return nil, err
	}
	if err := r.checkFeatures(false, o.LazyPages); err != nil {
		return nil, err
	}
	options, err := o.criuOptions()
	if err != nil {
		return nil, err
	}
	defer closeAll(options.ImagesDir, options.WorkDir)
	c := &restoration{creation: r.newCreation(o.CreateOptions, s, f), o: o}
	if err := c.placeCgroup(options); err != nil {
		return nil, err
	}
	if err := c.prepare(options); err != nil {
		return nil, err
	}
	if _, err := r.findCRIU(); err != nil {
		return nil, err
	}
	if err := c.enter(config); err != nil {
		return nil, err
	}
	if err := c.revive(options); err != nil {
		return nil, c.abort(c.interrupt.Err(err))
	}
	return c.creation, nil
}

// placeCgroup names the cgroup, and says where in the hierarchies CRIU is to restore it.
func (c *restoration) placeCgroup(options *criu.Options) (err error) {
	mode := c.o.ManageCgroups
	if options.CgroupsMode == criu.Strict {
		options.CgroupsMode = criu.Full // it is rung that makes the cgroup: see below
	}
	if (mode == "" || mode == "soft") && (c.r.NoCgroup || external.IgnoresCgroups(options.ImagesDir)) {
		options.CgroupsMode = criu.Ignore
	}
	if c.manager, err = c.r.newCgroup(c.spec, c.o.ID); err != nil {
		return err
	}
	if mode == "strict" && c.manager.Exists() {
		return &OptionError{"ManageCgroups", mode, errors.New("the container's cgroup exists already")}
	}
	roots, err := c.manager.Roots()
	for _, root := range roots {
		options.CgroupRoots = append(options.CgroupRoots, criu.CgroupRoot(root))
	}
	return err
}

// prepare finds out what else the restore depends on; nothing outside of this process
// changes.
func (c *restoration) prepare(options *criu.Options) (err error) {
	s := c.spec
	if s.Linux.Seccomp != nil { // for exec: CRIU restores the processes' own
		if c.filter, err = seccomp.Compile(s.Linux.Seccomp); err != nil {
			return err
		}
	}
	c.host = new(birth.Host)
	if c.host.Rootfs, err = host.Rootfs(c.o.Bundle, s); err != nil {
		return err
	}
	if c.mounts, err = birth.Mounts(s, c.o.Bundle); err != nil {
		return err
	}
	host.FollowDangling(c.host.Rootfs, c.mounts)
	if c.host.Hierarchies, err = shownCgroups(c.mounts, c.manager); err != nil {
		return err
	}
	c.streams = host.Streams(c.host, foreground.NoStreams)
	if namespaces.Made(s, specs.NetworkNamespace) {
		c.network = options.EmptyNS != 0 || !external.HasDevices(options.ImagesDir)
	}
	if c.network {
		options.EmptyNS |= unix.CLONE_NEWNET
	}
	if err := unix.Faccessat(options.ImagesDir, "inventory.img", unix.F_OK, 0); err != nil {
		return optionError("ImagePath", fmt.Errorf("%s is no checkpoint: inventory.img: %w", c.o.ImagePath, err))
	}
	return nil
}

// revive makes the cgroup, and has CRIU make the processes in it.
func (c *restoration) revive(options *criu.Options) error {
	if err := c.createCgroup(); err != nil {
		return err
	}
	c.r.at("saving the configuration")
	if err := c.saveConfig(); err != nil {
		return err
	}
	if err := notify.MakeDir(c.dir); err != nil { // whatever the images are of: it is a mount's source
		return err
	}
	if err := c.prepareMountpoints(); err != nil {
		return err
	}
	setup := &criuSetup{apart: func() error {
		return errors.Join(c.o.reopen(options), external.CoverNodes(c.spec, c.mounts, c.dir))
	}}
	defer func() {
		closeAll(setup.keep...)
		setup.way.entry.Close()
	}()
	if err := c.restoreOptions(options, setup); err != nil {
		return err
	}
	var err error
	setup.way.manager = c.manager
	if setup.way.entry, err = c.manager.Entry(false); err != nil {
		return err
	}
	p, err := c.r.startCRIU(setup)
	if err != nil {
		return err
	}
	// until there is a first process, what must end is CRIU
	if c.record.Init, err = process.Of(p.Pid); err == nil {
		c.record.CRIU = c.record.Init
		err = c.dir.WriteRecord(c.record)
	}
	if err != nil {
		unix.Kill(p.Pid, unix.SIGKILL)
	}
	c.r.at("restoring the container")
	c.interrupt.Kill(p.Pidfd.Int())
	_, askErr := p.ask(&criu.Request{Type: criu.Restore, Options: options}, c.notified)
	c.manager.Settle()
	return errors.Join(err, askErr)
}

// restoreOptions completes the options with what CRIU must know of the container.
func (c *restoration) restoreOptions(options *criu.Options, setup *criuSetup) error {
	options.LogFile = "restore.log"
	options.ConfigFile = criu.ConfigFile(c.record.Annotations)
	options.Root = c.host.Rootfs
	options.Sibling = true
	options.LSMProfile, options.LSMMountContext = c.o.LSMProfile, c.o.LSMMountContext
	for i, ns := range namespaces.Joined(c.spec) {
		key := external.NamespaceKey(ns.Type)
		if key == "" {
			if ns.Type != specs.MountNamespace {
				options.JoinNS = append(options.JoinNS,
					criu.JoinNS{Name: spec.NamespaceByType(ns.Type).File, File: ns.Path})
			}
			continue
		}
		fd, err := unix.Open(ns.Path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0) // a FIFO must not be waited for
		if err != nil {
			return fmt.Errorf("linux.namespaces[%d].path: %s: %w", i, ns.Path, err)
		}
		setup.keep = append(setup.keep, fd)
		options.InheritFds = append(options.InheritFds, criu.InheritFd{Key: key, Fd: fd})
	}
	keys, err := external.StreamKeys(options.ImagesDir)
	if err != nil {
		return optionError("ImagePath", err)
	}
	streams, opened, err := external.LoadStreams(keys, &c.record.Streams)
	setup.keep = append(setup.keep, opened...)
	if err != nil {
		return err
	}
	options.InheritFds = append(options.InheritFds, streams...)
	points, err := external.Mountpoints("self")
	if err != nil {
		return err
	}
	mounts, err := external.Mounts(c.spec, c.mounts, c.host.Hierarchies, c.dir)
	options.External = append(options.External, external.RestoreMounts(mounts, points)...)
	return err
}

// prepareMountpoints makes the mount points that a fresh root filesystem lacks, and
// directories of the host that are bound: CRIU does not. Those below other mounts come
// with them.
func (c *restoration) prepareMountpoints() error {
	c.r.at("making mount points")
	for i, m := range c.mounts {
		dir, at := c.host.Rootfs, m.Target
		if below, ok := lastOver(c.mounts[:i], m.Target); ok {
			if below.Kind != birth.BindMount || below.Target == m.Target || below.Attr.Set&unix.MOUNT_ATTR_RDONLY != 0 {
				continue
			}
			dir, at = below.Source, strings.TrimPrefix(m.Target, below.Target)
		}
		file := false
		if m.Kind == birth.BindMount {
			st, err := os.Stat(m.Source)
			if err != nil {
				return fmt.Errorf("%s.source: %w", m.Property, err)
			}
			file = !st.IsDir()
		}
		if err := makeBelow(dir, at, file); err != nil {
			return fmt.Errorf("%s (%s): making the mount point: %w", m.Property, m.Destination, err)
		}
	}
	return nil
}

// lastOver is the last of the mounts that covers a path.
func lastOver(mounts []birth.Mount, p string) (birth.Mount, bool) {
	for _, m := range slices.Backward(mounts) {
		if m.Kind != birth.Remount && kernel.Below(p, m.Target) {
			return m, true
		}
	}
	return birth.Mount{}, false
}

// makeBelow is makeIn by the path of the root.
func makeBelow(dir, p string, file bool) error {
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(root)
	return makeIn(root, p, file)
}

// makeIn makes a directory, or an empty file, and the directories above it, without
// leaving the root. What exists is left alone. p is absolute and clean.
func makeIn(root int, p string, file bool) error {
	parts := strings.Split(p[1:], "/")
	for i, name := range parts {
		if host.Exists(root, strings.Join(parts[:i+1], "/")) == nil {
			continue
		}
		dir, err := kernel.OpenInRoot(root, strings.Join(parts[:i], "/"), unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		if file && i == len(parts)-1 {
			err = unix.Mknodat(dir, name, unix.S_IFREG|0o644, 0)
		} else {
			err = unix.Mkdirat(dir, name, 0o755)
		}
		unix.Close(dir)
		if err != nil && err != unix.EEXIST {
			return err
		}
	}
	return nil
}

// notified does what belongs to a restore at the points that CRIU reports.
func (c *restoration) notified(script string, pid int, fds []kernel.Fd) error {
	c.r.Log.Debugf("criu: %s", script)
	switch script {
	case "setup-namespaces":
		return c.setupNamespaces(pid)
	case "post-restore":
		return c.restored(pid)
	case "orphan-pts-master":
		if len(fds) != 1 {
			return fmt.Errorf("criu sent %d terminals, not one", len(fds))
		}
		return c.takeTerminal(fds)
	}
	return nil
}

// setupNamespaces sets up the network, and runs the hooks that see the namespaces
// before anything runs in them.
func (c *restoration) setupNamespaces(pid int) error {
	if c.network {
		c.r.at("setting up the network namespace")
		if err := c.setupNetwork(pid); err != nil {
			return err
		}
	}
	h := c.spec.Hooks
	if h == nil {
		return nil
	}
	state := c.hookState(specs.StateCreated)
	state.Pid = pid
	//lint:ignore SA1019 prestart hooks are deprecated, not gone
	if err := c.r.runHooks(c.container, hooks.Prestart, h.Prestart, state, c.spec, -1); err != nil {
		return err
	}
	return c.r.runHooks(c.container, hooks.CreateRuntime, h.CreateRuntime, state, c.spec, -1)
}

// setupNetwork brings the network namespace to where a created container has it
// when its hooks run.
func (c *restoration) setupNetwork(pid int) error {
	fd, err := namespaces.OpenNetwork(pid)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := netdevice.Up("lo", fd); err != nil {
		return fmt.Errorf("bringing up the loopback device: %w", err)
	}
	return netdevice.Move(c.spec.Linux.NetDevices, fd)
}

// restored records the container as created: its processes are all there, and
// wait for the answer.
func (c *restoration) restored(pid int) (err error) {
	if c.record.Init, err = process.Of(pid); err != nil {
		return err
	}
	pidfd, err := c.record.Init.Open()
	if err != nil {
		return err
	}
	c.first.Pid, c.first.Pidfd = pid, kernel.Own(pidfd)
	// CRIU gives a container a time namespace, if it has none, so that its clocks go on;
	// who executes something in it has to be there, too, or it cannot be saved again
	j, err := c.joining(pidfd)
	if err != nil {
		return err
	}
	c.record.HostNamespaces &^= j.namespaces & unix.CLONE_NEWTIME
	return c.commit()
}
