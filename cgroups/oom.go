package cgroups

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// NotifyOOM returns an eventfd that can be read whenever the cgroup's memory runs out
// and nothing can be reclaimed: mostly a process is killed then. The removal of the
// cgroup makes it readable as well. (Documentation/admin-guide/cgroup-v1/memory.rst)
//
// It is -1 when the memory controller is not mounted.
func (m *Manager) NotifyOOM() (int, error) {
	g := m.find("memory")
	if g == nil {
		return -1, nil
	}
	dir, err := g.open()
	if err != nil {
		return -1, err
	}
	control, err := openat(dir, "memory.oom_control", unix.O_RDONLY)
	if err != nil {
		return -1, fmt.Errorf("opening %s/memory.oom_control: %w", g.Path, err)
	}
	defer unix.Close(control) // the kernel keeps what it needs
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return -1, fmt.Errorf("eventfd: %w", err)
	}
	if err := g.write("cgroup.event_control", fmt.Sprintf("%d %d", event, control)); err != nil {
		unix.Close(event)
		return -1, err
	}
	return event, nil
}

// HasMemory says whether the cgroup is still there to have its memory limited.
func (m *Manager) HasMemory() bool {
	g := m.find("memory")
	return g != nil && unix.Access(g.Path, unix.F_OK) == nil
}
