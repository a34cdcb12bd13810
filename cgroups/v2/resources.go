package v2

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/cgroups/limits"
)

// needs are the controllers of which linux.resources, which may be nil, need a file.
func needs(r *specs.LinuxResources) ([]Need, error) {
	p, err := Plan(r, func(string, string) (string, error) { return "", unix.ENOENT })
	return Needs(p), err
}

// set applies linux.resources but for the devices, and writes only what r gives; r may be
// nil.
func (m *Manager) set(r *specs.LinuxResources) (warnings []string, err error) {
	p, err := Plan(r, m.read)
	if err != nil {
		return nil, err
	}
	m.adjust(p)
	return p.Apply(target{m})
}

func (m *Manager) adjust(p *limits.Plan) {
	if m.Adjust != nil {
		m.Adjust(p)
	}
}

// read is what a plan knows of the cgroup.
func (m *Manager) read(_, file string) (string, error) { return m.dir.Read(file) }

// A target is where plans are written: all files are in one directory.
type target struct{ *Manager }

// Group implements [limits.Target].
func (t target) Group(_, _ string) (*cgroupfs.Group, error) { return &t.dir, nil }

// Lacks implements [limits.Target].
func (t target) Lacks(w *limits.Write) error {
	if w.Controller == "cgroup" {
		return errors.New("this kernel does not have it")
	}
	has := func(dir string) bool {
		list, err := cgroupfs.ReadValue(unix.AT_FDCWD, filepath.Join(dir, "cgroup.controllers"))
		return err == nil && slices.Contains(strings.Fields(list), w.Controller)
	}
	if has(t.dir.Path) {
		return fmt.Errorf("this kernel's %s controller does not have it", w.Controller)
	}
	if h, err := t.hierarchy(); err == nil && has(h.Mountpoint) {
		return fmt.Errorf("the %s controller is not enabled for the cgroup (cgroup.subtree_control of its parents)",
			w.Controller)
	}
	return fmt.Errorf("the %s controller is not available: cgroup.controllers does not have it", w.Controller)
}

// Obstacle implements [limits.Target].
func (target) Obstacle(w *limits.Write, err error) (file, why string) {
	is := func(file string, errno unix.Errno) bool { return w.File == file && errors.Is(err, errno) }
	switch {
	case is(cpuMax, unix.EINVAL):
		return cpuBurst, "a period is 1 ms to 1 s, a quota at least 1 ms and at least the burst"
	case is(cpuBurst, unix.EINVAL):
		return cpuMax, "it may not exceed the quota"
	case is(cpuWeight, unix.EINVAL):
		return limits.CPUIdle, "an idle cgroup has no weight"
	case w.Controller == "cpuset" && !errors.Is(err, unix.ENOENT):
		return "../" + w.File + ".effective", "the parent's are those that there are"
	case w.Controller == "io" && errors.Is(err, unix.ENODEV):
		return "", "there is no such block device, or it is a partition"
	case w.Controller == "io" && errors.Is(err, unix.EOPNOTSUPP):
		return "", "the device's I/O scheduler knows no weights"
	case w.Controller == "rdma" && errors.Is(err, unix.ENODEV):
		return "", "there is no such device"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return "", "the cgroup is another user's, or this file is not delegated"
	}
	return "", ""
}

// Undo implements [limits.Target].
func (t target) Undo(w *limits.Write, now string) ([]limits.Write, error) {
	back := []limits.Write{restoring(w, now)}
	also := func(file, value string) {
		back = append(back, limits.Write{Controller: w.Controller, File: file, Value: value, Property: w.Property})
	}
	switch {
	case w.File == limits.CPUIdle && now == "0": // with a weight, which does not survive being idle
		now, err := t.dir.Read(cpuWeight)
		if err != nil {
			return nil, err
		}
		also(cpuWeight, now)
	case w.File == bfqWeight && back[0].Value != "":
		for _, line := range limits.DeviceWeights(now) {
			also(bfqWeight, line)
		}
	}
	return back, nil
}
