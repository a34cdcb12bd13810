package v1

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// set applies linux.resources but for the devices, and writes only what r gives; r may be
// nil.
//
// A property that cannot be applied is an error that names it, the file and, where
// they can be read, the file's value and the one that stands in the way. Then the
// properties before it have been applied. A controller that is missing is seen
// before anything is written.
func (m *Manager) set(r *specs.LinuxResources) (warnings []string, err error) {
	p := plan{read: m.read}
	if r != nil {
		err = p.resources(r)
	}
	if err != nil {
		return nil, err
	}
	return m.write(&p)
}

// SetDevices implements [cgroups.Manager].
func (m *Manager) SetDevices(rules []specs.LinuxDeviceCgroup) (warnings []string, err error) {
	p := plan{read: m.read}
	if err := p.devices(rules); err != nil {
		return nil, err
	}
	return m.write(&p)
}

// write does what a plan says.
func (m *Manager) write(p *plan) (warnings []string, err error) {
	for _, w := range p.writes {
		if m.find(w.controller) == nil {
			return nil, fmt.Errorf("%s: %w", w.property, missing(w.controller, w.file))
		}
	}
	var f cgroupfs.Writer
	defer f.Close()
	for _, w := range p.writes {
		warning, err := m.find(w.controller).apply(w, &f)
		if err != nil {
			return p.warnings, err
		}
		if warning != "" {
			p.warnings = append(p.warnings, warning)
		}
	}
	return p.warnings, nil
}

// read is what a plan knows of the cgroup.
func (m *Manager) read(controller, file string) (string, error) {
	g := m.find(controller)
	if g == nil {
		return "", missing(controller, file)
	}
	return g.read(file)
}

func missing(controller, file string) error {
	return fmt.Errorf("the %s controller is not mounted as a cgroup v1 hierarchy, so that %s cannot be used",
		controller, file)
}

// apply writes one value. A failure that the write allows is a warning.
func (g *group) apply(w write, f *cgroupfs.Writer) (warning string, err error) {
	dir, err := g.open()
	if err != nil {
		return "", fmt.Errorf("%s: %w", w.property, err)
	}
	err = f.Write(dir, w.file, w.value)
	switch {
	case err == nil && w.verify:
		if now, err := cgroupfs.ReadValue(dir, w.file); err == nil && !samePages(now, w.value) {
			return fmt.Sprintf("%s: this kernel ignores %s: it stays %s", w.property, w.file, now), nil
		}
		return "", nil
	case err == nil:
		return "", nil
	}
	err = g.explain(dir, w, err)
	if errno := unix.Errno(0); errors.As(err, &errno) && slices.Contains(w.soft, errno) {
		return err.Error(), nil
	}
	return "", err
}

// samePages reports whether two sizes are the same but for the rounding to pages.
func samePages(a, b string) bool {
	const largestPage = 64 << 10
	m, err1 := strconv.ParseUint(a, 10, 64)
	n, err2 := strconv.ParseUint(b, 10, 64)
	return err1 == nil && err2 == nil && max(m, n)-min(m, n) < largestPage
}

// explain makes the error of a write that failed.
func (g *group) explain(dir int, w write, err error) error {
	err = fmt.Errorf("%s: writing %q to %s: %w", w.property, w.value, filepath.Join(g.path, w.file), err)
	if now, e := cgroupfs.ReadValue(dir, w.file); e == nil {
		err = fmt.Errorf("%w (it is %q now)", err, now)
	}
	if errors.Is(err, unix.ENOENT) && unix.Faccessat(dir, cgroupfs.Procs, unix.F_OK, 0) == nil {
		return fmt.Errorf("%w: this kernel's %s controller does not have it", err, w.controller)
	}
	if other, why := obstacle(w, err); why != "" {
		if now, e := cgroupfs.ReadValue(dir, other); e == nil {
			why += fmt.Sprintf(", %s is %q", other, now)
		}
		err = fmt.Errorf("%w: %s", err, why)
	}
	return err
}

// obstacle names the file whose value makes the kernel refuse a write, and says
// why.
func obstacle(w write, err error) (file, why string) {
	is := func(file string, errno unix.Errno) bool { return w.file == file && errors.Is(err, errno) }
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
	case w.controller == "devices" && errors.Is(err, unix.EINVAL):
		return "", "the policy for all devices cannot be changed while there are child cgroups"
	case w.controller == "blkio" && errors.Is(err, unix.ENODEV):
		return "", "there is no such block device, or it is a partition"
	case w.controller == "net_prio" && errors.Is(err, unix.ENODEV):
		return "", "there is no such network interface"
	}
	return "", ""
}
