package v1

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/internal/kernel"
)

// Entry implements [cgroups.Manager]. A hierarchy of v1 is joined by tasks, because
// cgroup.procs takes a lock that stops every fork of the machine; a process is born in
// the unified one. A process that joins a frozen cgroup never comes back from the
// write.
func (m *Manager) Entry(evenFrozen bool) (e cgroups.Entry, err error) {
	if !evenFrozen {
		if isFrozen, err := m.Frozen(); err != nil {
			return e, err
		} else if isFrozen {
			return e, fmt.Errorf("joining cgroup %s: it is frozen", m.find("freezer").Path)
		}
	}
	e.Files = make([]cgroups.EntryFile, 0, len(m.groups))
	for i := range m.groups {
		if err := m.groups[i].enter(&e); err != nil {
			e.Close()
			return e, err
		}
	}
	return e, nil
}

// enter adds the way into the cgroup of one hierarchy.
func (g *group) enter(e *cgroups.Entry) error {
	name, flags := "tasks", unix.O_WRONLY
	if g.label == cgroups.Unified {
		name, flags = ".", unix.O_RDONLY|unix.O_DIRECTORY
	}
	at := filepath.Join(g.Path, name)
	fd, err := cgroupfs.Open(unix.AT_FDCWD, at, flags)
	if err != nil {
		return fmt.Errorf("opening %s: %w", at, err)
	}
	if g.label == cgroups.Unified {
		e.Dir = kernel.Own(fd)
	} else {
		e.Files = append(e.Files, cgroups.EntryFile{Name: g.label, Fd: fd, Charges: g.has("memory")})
	}
	return nil
}

// EntryFiles implements [cgroups.Manager].
func (m *Manager) EntryFiles() (names []string) {
	for i := range m.groups {
		if m.groups[i].label != cgroups.Unified {
			names = append(names, m.groups[i].label)
		}
	}
	return names
}
