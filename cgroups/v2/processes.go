package v2

import "github.com/rung-oci/rung/cgroups/cgroupfs"

// Processes implements [cgroups.Manager].
func (m *Manager) Processes() ([]int, error) { return cgroupfs.Sorted(m.dir.AppendPids(nil)) }

// Occupants implements [cgroups.Manager]. A process is in one cgroup, whole.
func (m *Manager) Occupants() ([]int, error) { return m.Processes() }

// HasChildren implements [cgroups.Manager].
func (m *Manager) HasChildren() bool {
	dir, err := m.dir.Open()
	if err != nil {
		return false
	}
	children, _ := cgroupfs.Children(dir)
	return len(children) > 0
}
