package v1

import "github.com/rung-oci/rung/cgroups/cgroupfs"

// Processes implements [cgroups.Manager].
func (m *Manager) Processes() ([]int, error) {
	if len(m.groups) == 0 {
		return nil, nil
	}
	return cgroupfs.Sorted(m.listed().AppendPids(nil))
}

// Occupants implements [cgroups.Manager]: the processes of all hierarchies together.
func (m *Manager) Occupants() ([]int, error) {
	var pids []int
	for i := range m.groups {
		var err error
		if pids, err = m.groups[i].AppendPids(pids); err != nil {
			return nil, err
		}
	}
	return cgroupfs.Sorted(pids, nil)
}

// listed is the group whose processes stand for the container's. The
// hierarchies agree unless someone moved a process in one of them only; what
// counts then is what can be frozen.
func (m *Manager) listed() *group {
	if g := m.find("freezer"); g != nil {
		return g
	}
	return &m.groups[0]
}
