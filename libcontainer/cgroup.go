package libcontainer

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/manager"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/failure"
	"github.com/rung-oci/rung/libcontainer/launch"
	"github.com/rung-oci/rung/libcontainer/namespaces"
	"github.com/rung-oci/rung/libcontainer/userns"
)

// cgroup is the container's cgroup, as the record keeps it.
func (c *container) cgroup() cgroups.Manager { return manager.Restore(c.record.Cgroup) }

// hasCgroup reports whether the container was created with a cgroup.
func (c *container) hasCgroup() bool { return len(c.record.Cgroup) > 0 }

// newCgroup names the cgroup of a new container. With NoCgroup it has none, and perhaps not
// where the user is not root of the machine.
func (r *Runtime) newCgroup(s *specs.Spec, id string) (m cgroups.Manager, err error) {
	var warnings []string
	o := manager.Options{
		Path: cmp.Or(s.Linux, &specs.Linux{}).CgroupsPath, ID: id, Annotations: s.Annotations,
		Owner: cgroupOwner(s), Systemd: r.SystemdCgroup, Allow: r.Allow, Idle: r.startIdle,
	}
	switch {
	case r.NoCgroup:
		m, warnings, err = manager.None(limits(s))
	case r.isRootless():
		m, warnings, err = manager.NewOrNone(o, limits(s))
		if err == nil && len(m.Record()) == 0 && len(deviceRules(s)) > 0 && userns.IsHostRoot() {
			warnings = append(warnings, "linux.resources.devices: ignored: without a cgroup the container of "+
				"this machine's root (--rootless) may use every device that it has a node of")
		}
	default:
		m, err = manager.New(o)
	}
	r.warn(warnings)
	return m, err
}

// startIdle starts a process that keeps a cgroup until the container's first one is in it.
func (r *Runtime) startIdle() (cgroups.Idler, error) {
	i, err := launch.StartIdle(r.ImageDir, launch.ImageDirs(r.Store.Root())...)
	if err != nil {
		return nil, failure.OfImage(err)
	}
	return i, nil
}

func (r *Runtime) isRootless() bool {
	if r.Rootless != nil {
		return *r.Rootless
	}
	return !userns.IsHostRoot()
}

// lookAtCgroup finds out what the birth program depends on of the cgroup.
func (c *creation) lookAtCgroup() (err error) {
	c.host.CgroupFiles, c.host.CgroupMove = c.manager.EntryFiles()
	c.host.Hierarchies, err = shownCgroups(c.mounts, c.manager)
	for _, h := range c.host.Hierarchies {
		c.host.HostRoot = c.host.HostRoot || h.Shared && !c.r.isRootless()
	}
	return err
}

// cgroupOwner is the uid of the host to whom the cgroup is delegated, as config-linux.md, "Cgroup
// ownership", has it: that of process.user, if the container has a new cgroup namespace and its
// cgroups are mounted so that they can be written to; otherwise nil.
func cgroupOwner(s *specs.Spec) *uint32 {
	if s.Process == nil || !namespaces.Made(s, specs.CgroupNamespace) {
		return nil
	}
	writable := func(m specs.Mount) bool {
		return (m.Type == "cgroup" || m.Type == "cgroup2") && m.Destination == "/sys/fs/cgroup" &&
			!slices.Contains(m.Options, "ro")
	}
	if !slices.ContainsFunc(s.Mounts, writable) {
		return nil
	}
	uid := s.Process.User.UID
	if !namespaces.Made(s, specs.UserNamespace) {
		return &uid
	}
	for _, m := range s.Linux.UIDMappings {
		if uid >= m.ContainerID && uid-m.ContainerID < m.Size {
			return new(m.HostID + (uid - m.ContainerID))
		}
	}
	return nil
}

// limits are linux.resources, or nil.
func limits(s *specs.Spec) *specs.LinuxResources { return cmp.Or(s.Linux, &specs.Linux{}).Resources }

// createCgroup makes the cgroup with its limits, and with the modes that containers can
// use, whatever the caller's umask.
func (c *creation) createCgroup() error {
	c.r.at("creating the cgroup")
	defer unix.Umask(unix.Umask(0o022))
	warnings, err := c.manager.Create(limits(c.spec))
	c.r.warn(warnings)
	if failed := (*cgroups.MakeError)(nil); errors.As(err, &failed) {
		return failure.Advise(err, failed.Hint)
	}
	if err != nil || c.birth != nil && c.birth.LateDevices { // a restore has no birth program
		return err
	}
	return c.setDevices()
}

func (c *creation) setDevices() error {
	c.r.at("setting the rules of devices")
	warnings, err := c.manager.SetDevices(deviceRules(c.spec))
	c.r.warn(warnings)
	return err
}

func deviceRules(s *specs.Spec) []specs.LinuxDeviceCgroup {
	return cmp.Or(limits(s), &specs.LinuxResources{}).Devices
}

func (r *Runtime) warn(warnings []string) {
	for _, w := range warnings {
		r.Log.Warnf("%s", w)
	}
}

// A way leads processes into a cgroup. The zero way leads nowhere: they stay where their parent is.
type way struct {
	manager cgroups.Manager
	entry   cgroups.Entry
	first   int // the container's first process; 0: there is none yet
}

// lend adds the way's descriptors to those of a process, which is to be born in the cgroup. Where
// the kernel does not have it, it goes another way.
func (w *way) lend(p *launch.Process) {
	for _, f := range w.entry.Files {
		p.Files[birth.FileCgroup+f.Name] = f.Fd
	}
	p.Cgroup = w.entry.Dir
	p.Move = func(refusal error) error {
		entry, err := w.manager.Move(refusal, w.first)
		if err == nil {
			w.entry.Close()
			w.entry = entry
			w.lend(p)
		}
		return err
	}
}

// names are those of its files, and of one that is optional: see [cgroups.Manager].
func (w *way) names() (files []string, optional string) {
	if w.manager == nil {
		return nil, ""
	}
	return w.manager.EntryFiles()
}

// charge is a file by which a process is charged to the cgroup for the memory that it uses; -1 if
// there is none.
func (w *way) charge() int {
	for _, f := range w.entry.Files {
		if f.Charges {
			return f.Fd
		}
	}
	return -1
}

// closeFiles closes the descriptors of a program, but for those that are a way's.
func closeFiles(files map[string]int) {
	for name, fd := range files {
		if !strings.HasPrefix(name, birth.FileCgroup) {
			unix.Close(fd)
		}
	}
	clear(files)
}

// shownCgroups are what a mount that shows cgroups consists of, if there is such a mount.
func shownCgroups(mounts []birth.Mount, m cgroups.Manager) (list []birth.Hierarchy, err error) {
	if !slices.ContainsFunc(mounts, func(m birth.Mount) bool { return m.ShowsCgroups() }) {
		return nil, nil
	}
	shown, err := m.Mounts()
	for _, m := range shown {
		list = append(list, birth.Hierarchy(m))
	}
	return list, err
}
