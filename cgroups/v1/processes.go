package v1

import (
	"slices"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Processes implements [cgroups.Manager].
func (m *Manager) Processes() ([]int, error) {
	if len(m.groups) == 0 {
		return nil, nil
	}
	return sorted(m.listed().tree(nil))
}

// Occupants implements [cgroups.Manager]: the processes of all hierarchies together.
func (m *Manager) Occupants() ([]int, error) {
	var pids []int
	for i := range m.groups {
		var err error
		if pids, err = m.groups[i].tree(pids); err != nil {
			return nil, err
		}
	}
	return sorted(pids, nil)
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

// tree appends the processes of the cgroup and its descendants.
func (g *group) tree(pids []int) ([]int, error) {
	dir, err := g.Open()
	if err != nil {
		return pids, cgroupfs.IgnoreGone(err)
	}
	return cgroupfs.AppendTreePids(pids, dir)
}

func sorted(pids []int, err error) ([]int, error) {
	slices.Sort(pids)
	return slices.Compact(pids), err
}
