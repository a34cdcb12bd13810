package v2

import (
	"errors"
	"fmt"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/internal/kernel"
)

// Entry implements [cgroups.Manager]. A process is born in the cgroup.
func (m *Manager) Entry(evenFrozen bool) (e cgroups.Entry, err error) {
	if !evenFrozen {
		if isFrozen, err := m.Frozen(); err != nil {
			return e, err
		} else if isFrozen {
			return e, fmt.Errorf("joining cgroup %s: it is frozen", m.dir.Path)
		}
	}
	fd, err := cgroupfs.OpenDir(m.dir.Path)
	if err != nil {
		return e, fmt.Errorf("opening %s: %w", m.dir.Path, err)
	}
	e.Dir = kernel.Own(fd)
	return e, nil
}

// EntryFiles implements [cgroups.Manager]: there are none.
func (m *Manager) EntryFiles() []string { return nil }

// Detour implements [cgroups.Manager].
func (m *Manager) Detour(int) (*cgroups.Detour, error) {
	return nil, errors.New("a detour: not supported on cgroup v2 yet")
}
