package v1

import (
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/cgroups/limits"
)

// set applies linux.resources but for the devices, and writes only what r gives; r may be
// nil.
//
// A property that cannot be applied is an error that names it, the file and, where
// they can be read, the file's value and the one that stands in the way. Then the
// properties before it have been applied. A controller that is missing is seen
// before anything is written.
func (m *Manager) set(r *specs.LinuxResources) (warnings []string, err error) {
	p := newPlan(m.read)
	if r != nil {
		err = p.resources(r)
	}
	if err != nil {
		return nil, err
	}
	return p.Apply(target{m})
}

// SetDevices implements [cgroups.Manager].
func (m *Manager) SetDevices(rules []specs.LinuxDeviceCgroup) (warnings []string, err error) {
	p := newPlan(m.read)
	if err := p.devices(rules); err != nil {
		return nil, err
	}
	return p.Apply(target{m})
}

// DeviceFilter implements [cgroups.Manager].
func (m *Manager) DeviceFilter([]specs.LinuxDeviceCgroup) (string, error) { return "", nil }

// read is what a plan knows of the cgroup.
func (m *Manager) read(controller, file string) (string, error) {
	g := m.find(controller)
	if g == nil {
		return "", missing(controller, file)
	}
	return g.Read(file)
}

func missing(controller, file string) error {
	return fmt.Errorf("the %s controller is not mounted as a cgroup v1 hierarchy, so that %s cannot be used",
		controller, file)
}

// A target is where plans are written.
type target struct{ *Manager }

// Group implements [limits.Target].
func (t target) Group(controller, file string) (*cgroupfs.Group, error) {
	if g := t.find(controller); g != nil {
		return &g.Group, nil
	}
	return nil, missing(controller, file)
}

// Lacks implements [limits.Target].
func (target) Lacks(w *limits.Write) error {
	return fmt.Errorf("this kernel's %s controller does not have it", w.Controller)
}

// Obstacle implements [limits.Target].
func (target) Obstacle(w *limits.Write, err error) (file, why string) {
	is := func(file string, errno unix.Errno) bool { return w.File == file && errors.Is(err, errno) }
	switch {
	case is(memoryLimit, unix.EBUSY), is(memorySwapLimit, unix.EBUSY):
		return "memory.usage_in_bytes", "more is in use and could not be reclaimed"
	case is(memoryLimit, unix.EINVAL):
		return memorySwapLimit, "it may not exceed the limit of memory and swap (linux.resources.memory.swap)"
	case is(memorySwapLimit, unix.EINVAL):
		return memoryLimit, "it may not be below the limit of memory"
	case is("memory.use_hierarchy", unix.EINVAL):
		return "", "since Linux 5.11 memory is always accounted hierarchically"
	case is(cpuQuota, unix.EINVAL), is(cpuPeriod, unix.EINVAL):
		return "../" + cpuQuota, "a period is 1 ms to 1 s, a quota at least 1 ms, at least the burst, " +
			"and its share of the period not more than the parent's"
	case is(cpuBurst, unix.EINVAL):
		return cpuQuota, "it may not exceed the quota"
	case is(cpuShares, unix.EINVAL):
		return cpuIdle, "an idle cgroup has no shares"
	case is(realtimeRuntime, unix.EINVAL):
		return "../" + realtimeRuntime, "cgroups cannot have more than their parent in sum"
	case is(realtimeRuntime, unix.EBUSY):
		return "", "realtime processes are running in it"
	case is("cpuset.cpus", unix.EACCES), is("cpuset.cpus", unix.EINVAL), is("cpuset.cpus", unix.ERANGE):
		return "../cpuset.cpus", "it may not exceed the parent's"
	case is("cpuset.mems", unix.EACCES), is("cpuset.mems", unix.EINVAL), is("cpuset.mems", unix.ERANGE):
		return "../cpuset.mems", "it may not exceed the parent's"
	case is("cpuset.cpus", unix.EBUSY), is("cpuset.mems", unix.EBUSY):
		return "", "child cgroups use what would be taken away"
	case is(devicesAllow, unix.EPERM):
		return "../devices.list", "the parent cgroup does not allow it"
	case w.Controller == "devices" && errors.Is(err, unix.EINVAL):
		return "", "the policy for all devices cannot be changed while there are child cgroups"
	case w.Controller == "blkio" && errors.Is(err, unix.ENODEV):
		return "", "there is no such block device, or it is a partition"
	case w.Controller == "net_prio" && errors.Is(err, unix.ENODEV):
		return "", "there is no such network interface"
	}
	return "", ""
}
