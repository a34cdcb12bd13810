package v2

import "github.com/rung-oci/rung/cgroups/cgroupfs"

// MayMake tells why this user cannot make the cgroup and use it.
func (m *Manager) MayMake() error {
	h, err := m.hierarchy()
	if err != nil {
		return err
	}
	return cgroupfs.MayMake(m.dir.Path, h.Mountpoint)
}
