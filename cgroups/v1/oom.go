package v1

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// WatchOOM implements [cgroups.Manager], by an eventfd to which the kernel writes
// (Documentation/admin-guide/cgroup-v1/memory.rst).
func (m *Manager) WatchOOM() (cgroups.OOMWatch, error) {
	g := m.find("memory")
	if g == nil {
		return cgroups.NoOOMWatch{}, nil
	}
	dir, err := g.Open()
	if err != nil {
		return nil, err
	}
	control, err := cgroupfs.Open(dir, "memory.oom_control", unix.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("opening %s/memory.oom_control: %w", g.Path, err)
	}
	defer unix.Close(control) // the kernel keeps what it needs
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	if err := g.Write("cgroup.event_control", fmt.Sprintf("%d %d", event, control)); err != nil {
		unix.Close(event)
		return nil, err
	}
	return &oomWatch{event, g.Path}, nil
}

// An oomWatch watches the cgroup in the hierarchy of memory.
type oomWatch struct {
	event int
	path  string
}

func (w *oomWatch) Fd() int { return w.event }

// RanOut reads the counter. The removal of the cgroup is an event as well, and then
// the directory is gone.
func (w *oomWatch) RanOut() bool {
	var count [8]byte
	_, err := unix.Read(w.event, count[:])
	return err == nil && unix.Access(w.path, unix.F_OK) == nil
}

func (w *oomWatch) Close() { unix.Close(w.event) }
