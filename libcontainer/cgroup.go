package libcontainer

import (
	"cmp"
	"errors"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/manager"
	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/failure"
)

// cgroup is the container's cgroup, as the record keeps it.
func (c *container) cgroup() cgroups.Manager { return manager.Restore(c.record.Cgroup) }

// hasCgroup reports whether the container was created with a cgroup.
func (c *container) hasCgroup() bool { return len(c.record.Cgroup) > 0 }

// newCgroup names the cgroup of a new container. With NoCgroup it has none.
func (r *Runtime) newCgroup(s *specs.Spec, id string) (cgroups.Manager, error) {
	if !r.NoCgroup {
		return manager.New(manager.Options{
			Path: cmp.Or(s.Linux, &specs.Linux{}).CgroupsPath, ID: id, Annotations: s.Annotations,
		})
	}
	m, warnings, err := manager.None(limits(s))
	r.warn(warnings)
	return m, err
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
	warnings, err := c.manager.SetDevices(cmp.Or(limits(c.spec), &specs.LinuxResources{}).Devices)
	c.r.warn(warnings)
	return err
}

func (r *Runtime) warn(warnings []string) {
	for _, w := range warnings {
		r.Log.Warnf("%s", w)
	}
}

// giveFiles adds the files of an entry to the descriptors of a program, whose owner
// closes them, and returns the directory that its process is to be born in, if there is one.
func giveFiles(e *cgroups.Entry, files map[string]int) (dir kernel.Fd) {
	for _, f := range e.Files {
		files[birth.FileCgroup+f.Name] = f.Fd
	}
	return e.Dir
}

// shownCgroups are what a mount of type cgroup consists of, if there is such a mount.
func shownCgroups(mounts []birth.Mount, m cgroups.Manager) (list []birth.Hierarchy, err error) {
	if !slices.ContainsFunc(mounts, func(m birth.Mount) bool { return m.Kind == birth.CgroupMount }) {
		return nil, nil
	}
	shown, err := m.Mounts()
	for _, m := range shown {
		list = append(list, birth.Hierarchy(m))
	}
	return list, err
}
