package v2

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Create implements [cgroups.Manager].
//
// It enables the controllers that the limits need, and no others: to account costs time. What
// is not enabled has no counters, which Stats leaves zero.
func (m *Manager) Create(r *specs.LinuxResources) (warnings []string, err error) {
	needs, err := needs(r)
	if err != nil {
		return nil, err
	}
	if err := m.make(needs); err != nil {
		return nil, err
	}
	if warnings, err = m.set(r); err != nil {
		return warnings, err
	}
	delegated, err := m.delegate()
	return append(warnings, delegated...), err
}

// make makes the directory, with the parents and the controllers that it needs.
func (m *Manager) make(needs []Need) error {
	h, err := m.hierarchy()
	if err != nil {
		return err
	}
	var made []string
	if err := cgroupfs.MakeDir(m.dir.Path, h.Mountpoint, &made); err != nil {
		return errors.Join(cannotMake(m.dir.Path, h.Mountpoint, err), cgroupfs.Unmake(made))
	}
	if err := m.enable(needs); err != nil {
		return errors.Join(err, cgroupfs.Unmake(made))
	}
	return nil
}
