package v2

import (
	"time"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Remove implements [cgroups.Manager].
func (m *Manager) Remove() error {
	m.Close()
	return m.dir.Remove(time.Now().Add(cgroupfs.RemoveTimeout))
}
