package v1

import (
	"errors"
	"time"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Remove implements [cgroups.Manager]. It only ever calls rmdir, which neither the
// root of a hierarchy nor a directory with files lets happen, and follows neither
// symbolic links nor mounts.
func (m *Manager) Remove() error {
	m.Close()
	var errs []error
	deadline := time.Now().Add(cgroupfs.RemoveTimeout)
	for i := range m.groups {
		if err := m.groups[i].Remove(deadline); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
