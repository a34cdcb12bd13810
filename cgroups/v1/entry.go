package v1

import (
	"errors"
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
			return e, fmt.Errorf("joining cgroup %s: %w", m.find("freezer").Path, cgroups.ErrFrozen)
		}
	}
	e.Files = make([]cgroups.EntryFile, 0, len(m.groups))
	for i := range m.groups {
		if m.groups[i].label == cgroups.Unified {
			continue
		}
		if err := m.groups[i].enter(&e); err != nil {
			e.Close()
			return e, err
		}
	}
	if g := m.find(cgroups.Unified); g != nil {
		if err := g.birthplace(&e); err != nil {
			e.Close()
			return e, err
		}
	}
	return e, nil
}

// Move implements [cgroups.Manager]. Only the unified hierarchy is one to be born in, and it
// is not the one that is frozen.
func (m *Manager) Move(refusal error, _ int) (e cgroups.Entry, err error) {
	if errors.Is(refusal, cgroups.ErrFrozen) {
		return m.Entry(true)
	}
	g := m.find(cgroups.Unified)
	if g == nil || !errors.Is(refusal, unix.EAGAIN) {
		return e, refusal
	}
	if e, err = m.Entry(true); err != nil {
		return e, err
	}
	e.Dir.Close()
	e.Files = e.Files[:len(e.Files)-1]
	if err := g.enter(&e); err != nil {
		e.Close()
		return e, err
	}
	return e, nil
}

// enter adds the file by which a process joins the cgroup of one hierarchy.
func (g *group) enter(e *cgroups.Entry) error {
	name := "tasks"
	if g.label == cgroups.Unified {
		name = cgroupfs.Procs
	}
	at := filepath.Join(g.Path, name)
	fd, err := cgroupfs.Open(unix.AT_FDCWD, at, unix.O_WRONLY)
	if err != nil {
		return fmt.Errorf("opening %s: %w", at, err)
	}
	e.Files = append(e.Files, cgroups.EntryFile{Name: g.label, Fd: fd, Charges: g.has("memory")})
	return nil
}

// birthplace adds the directory of the unified hierarchy, where a process is born.
func (g *group) birthplace(e *cgroups.Entry) error {
	fd, err := cgroupfs.Open(unix.AT_FDCWD, g.Path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return fmt.Errorf("opening %s: %w", g.Path, err)
	}
	e.Dir = kernel.Own(fd)
	e.Files = append(e.Files, cgroups.EntryFile{Name: g.label, Fd: -1})
	return nil
}

// EntryFiles implements [cgroups.Manager].
func (m *Manager) EntryFiles() (names []string, optional string) {
	for i := range m.groups {
		if m.groups[i].label == cgroups.Unified {
			optional = cgroups.Unified
		} else {
			names = append(names, m.groups[i].label)
		}
	}
	return names, optional
}
