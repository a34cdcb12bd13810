package v2

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Create implements [cgroups.Manager].
func (m *Manager) Create(r *specs.LinuxResources) (warnings []string, err error) {
	if err := m.make(); err != nil {
		return nil, err
	}
	return m.set(r)
}

// make makes the directory, with the parents that it needs.
func (m *Manager) make() error {
	h, err := m.hierarchy()
	if err != nil {
		return err
	}
	var made []string
	if err := cgroupfs.MakeDir(m.dir.Path, h.Mountpoint, &made); err != nil {
		return errors.Join(cannotMake(m.dir.Path, h.Mountpoint, err), cgroupfs.Unmake(made))
	}
	return nil
}
