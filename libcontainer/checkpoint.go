package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/criu"
	"github.com/rung-oci/rung/libcontainer/external"
	"github.com/rung-oci/rung/libcontainer/interrupt"
	"github.com/rung-oci/rung/libcontainer/namespaces"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/spec"
)

// CheckpointOptions are what the command line says of a checkpoint.
type CheckpointOptions struct {
	ID string
	CRIUOptions
	ParentPath      string // images of an earlier pre-dump; relative to ImagePath
	PageServer      string // address:port, to send memory to
	StatusFd        int    // CRIU writes a NUL there when lazy pages can be fetched; below 0: nowhere
	LeaveRunning    bool
	TCPSkipInFlight bool
	LinkRemap       bool
	PreDump         bool // save memory only, and let the container run on
}

// Checkpoint saves a running container to files, and deletes it unless it is to be
// left running.
func (r *Runtime) Checkpoint(o CheckpointOptions) error {
	c, err := r.open(o.ID, true)
	if err != nil {
		return err
	}
	defer c.close()
	switch status, err := c.status(); {
	case err != nil:
		return err
	case status != Running && status != Paused:
		return fmt.Errorf("container cannot be checkpointed in %s state", status)
	}
	config, err := c.config()
	if err != nil {
		return err
	}
	if err := checkMountNS(config); err != nil {
		return err
	}
	if err := r.checkFeatures(o.PreDump, o.LazyPages); err != nil {
		return err
	}
	// the root of a user namespace looks for images there that need not exist
	if err := os.MkdirAll(o.ImagePath, 0o711); err != nil {
		return optionError("ImagePath", err)
	}
	options, err := o.criuOptions()
	if err != nil {
		return err
	}
	defer closeAll(options.ImagesDir, options.WorkDir)
	if err := c.dumpOptions(&o, options, config); err != nil {
		return err
	}
	request := &criu.Request{Type: criu.Dump, Options: options}
	if o.PreDump {
		request.Type = criu.PreDump
	}
	if err := r.dump(c, request); err != nil {
		return err
	}
	if o.PreDump || o.LeaveRunning {
		return nil
	}
	return r.destroy(c, config)
}

// dump has CRIU save the container. Once it is at work it must come to an end, or
// it would leave the processes stopped, with code of its own in them: signals wait
// for it, and the container stays locked until it has ended. It is recorded for
// delete --force, which need not wait: there will be no process left to care for.
func (r *Runtime) dump(c *container, request *criu.Request) error {
	var held interrupt.Interruption
	if err := held.Catch(); err != nil {
		return err
	}
	defer held.Release()
	saver, err := r.startCRIU(&criuSetup{outlives: true, keep: []int{c.dir.Fd()}})
	if err != nil {
		return err
	}
	if c.record.CRIU, err = process.Of(saver.Pid); err == nil {
		err = c.dir.WriteRecord(c.record)
	}
	if err != nil {
		unix.Kill(saver.Pid, unix.SIGKILL)
	}
	r.at("saving the container")
	pid := saver.Pid
	held.Hold(saver.Pidfd.Int(), func(s unix.Signal) {
		r.Log.Warnf("%s: waiting until criu, process %d, has let go of the container; the next signal does not wait",
			unix.SignalName(s), pid)
	})
	_, askErr := saver.ask(request, nil)
	return errors.Join(err, askErr)
}

// dumpOptions completes the options with what CRIU must know of the container.
func (c *container) dumpOptions(o *CheckpointOptions, options *criu.Options, config *specs.Spec) error {
	pid := c.record.Init.Pid
	options.LogFile = "dump.log"
	options.ConfigFile = criu.ConfigFile(c.record.Annotations)
	options.Pid, options.Root = pid, c.record.Rootfs
	options.NotifyScripts = false // rung has nothing to do then, and may be gone
	options.LeaveRunning = o.LeaveRunning
	options.TCPSkipInFlight, options.LinkRemap = o.TCPSkipInFlight, o.LinkRemap
	options.TrackMem = o.PreDump
	if namespaces.Made(config, specs.NetworkNamespace) {
		options.EmptyNS |= unix.CLONE_NEWNET
	}
	m := c.cgroup()
	defer m.Close()
	options.FreezeCgroup = m.FreezerDir()
	var err error
	if options.CgroupsMode, err = o.cgroupsMode(pid, config, m); err != nil {
		return err
	}
	if err := o.transfer(options); err != nil {
		return err
	}
	if o.PreDump {
		return nil
	}
	for _, ns := range namespaces.Joined(config) {
		if key := external.NamespaceKey(ns.Type); key != "" {
			var st unix.Stat_t
			file := spec.NamespaceByType(ns.Type).File
			if err := unix.Stat(fmt.Sprintf("/proc/%d/ns/%s", pid, file), &st); err != nil {
				return fmt.Errorf("namespace %s of the container: %w", ns.Type, err)
			}
			options.External = append(options.External, fmt.Sprintf("%s[%d]:%s", file, st.Ino, key))
		}
	}
	mounts, err := birth.Mounts(config, c.record.Bundle)
	if err != nil {
		return err
	}
	groups, err := shownCgroups(mounts, m)
	if err != nil {
		return err
	}
	points, err := external.Mountpoints(strconv.Itoa(pid))
	if err != nil {
		return err
	}
	root, err := unix.Open(fmt.Sprintf("/proc/%d/root", pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("root of the container: %w", err)
	}
	defer unix.Close(root)
	shared, err := external.Mounts(config, mounts, groups, c.dir)
	if err != nil {
		return err
	}
	options.External = append(options.External, external.DumpMounts(root, shared, points)...)
	streams, keys, err := external.DumpStreams(pid, c.record.Streams)
	if err != nil {
		return err
	}
	options.External = append(options.External, streams...)
	if err := external.SaveMode(options.ImagesDir, options.CgroupsMode); err != nil {
		return err
	}
	return external.SaveStreams(options.ImagesDir, keys)
}

// cgroupsMode is how CRIU is to treat the container's cgroups: those that rung makes
// and CRIU is started in. Told to ignore them, it leaves the processes that it
// restores where it is itself, which is all that most containers need. What is lost
// are cgroups that the container has made, and a namespace of cgroups. For these CRIU
// has to look at all cgroups from the container's on; but it must not in a hierarchy
// in which the container is at the root, one that nobody had mounted when it was
// made: CRIU would save all cgroups of the machine, and make them once more.
func (o *CheckpointOptions) cgroupsMode(pid int, config *specs.Spec, m cgroups.Manager) (criu.Mode, error) {
	asked := o.ManageCgroups != "" && o.ManageCgroups != "soft"
	if o.ManageCgroups == "ignore" || !asked && !namespaces.Has(config, specs.CgroupNamespace) && !m.HasChildren() {
		return criu.Ignore, nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) { // ID:CONTROLLERS:PATH, cgroups(7)
		_, rest, _ := strings.Cut(line, ":")
		controllers, at, _ := strings.Cut(rest, ":")
		if at == "/\n" {
			return 0, &RootCgroupError{controllers}
		}
	}
	return cgroupsModes[o.ManageCgroups], nil
}

// A RootCgroupError is why a checkpoint fails, unless ManageCgroups is "ignore": CRIU would
// save, and make once more, all cgroups of the machine.
type RootCgroupError struct{ Hierarchy string }

func (e *RootCgroupError) Error() string {
	return fmt.Sprintf("the container is in the root of the cgroup hierarchy %q, which was not mounted when it "+
		"was created: its cgroups cannot be saved", e.Hierarchy)
}

// transfer sets the options about other places that images are in or go to.
func (o *CheckpointOptions) transfer(options *criu.Options) error {
	if o.ParentPath != "" {
		parent := o.ParentPath
		if filepath.IsAbs(parent) {
			relative, err := filepath.Rel(o.ImagePath, parent)
			if err != nil {
				return optionError("ParentPath", err)
			}
			parent = relative
		}
		at := filepath.Join(o.ImagePath, parent)
		if st, err := os.Stat(at); err != nil {
			return optionError("ParentPath", err)
		} else if !st.IsDir() {
			return optionError("ParentPath", &fs.PathError{Op: "open", Path: at, Err: unix.ENOTDIR})
		}
		options.Parent, options.TrackMem = parent, true
	}
	if o.PageServer != "" {
		server, err := parsePageServer(o.PageServer)
		if err != nil {
			return optionError("PageServer", err)
		}
		options.PageServer = server
	}
	if o.StatusFd >= 0 {
		if _, err := unix.FcntlInt(uintptr(o.StatusFd), unix.F_GETFD, 0); err != nil {
			return optionError("StatusFd", fmt.Errorf("descriptor %d: %w", o.StatusFd, err))
		}
		options.StatusFd = o.StatusFd
	}
	return nil
}

// parsePageServer parses ADDRESS:PORT, [ADDRESS]:PORT for an address of IPv6, or
// HOST:PORT, whose name is CRIU's business. Package net would cost each command, at
// its initialisation, as much as opening a container does.
func parsePageServer(text string) (*criu.PageServer, error) {
	colon := strings.LastIndexByte(text, ':')
	host, port := text[:max(colon, 0)], text[colon+1:]
	if inner, ok := strings.CutPrefix(host, "["); ok {
		if host, ok = strings.CutSuffix(inner, "]"); !ok {
			return nil, fmt.Errorf("%q has no ]", text)
		}
	} else if strings.Contains(host, ":") {
		return nil, fmt.Errorf("%q has more than one colon: an address of IPv6 stands in brackets", text)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || host == "" {
		return nil, fmt.Errorf("%q is not ADDRESS:PORT", text)
	}
	return &criu.PageServer{Address: host, Port: int(n)}, nil
}
