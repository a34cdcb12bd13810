package v1

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// A Manager is a container's cgroup: a directory of the same name in every
// hierarchy. It implements [cgroups.Manager].
type Manager struct {
	groups []group
	found  cgroups.Hierarchies // nil: not looked for yet
}

var _ cgroups.Manager = (*Manager)(nil)

// New computes the cgroup of the container id from linux.cgroupsPath: see [cgroupfs.Name]. It
// touches nothing.
//
// A path such as "slice:prefix:name", which names a unit to systemd, is a
// relative path of one element here.
func New(h cgroups.Hierarchies, cgroupsPath, id string) (*Manager, error) {
	if len(h) == 0 {
		return nil, errors.New("no cgroup hierarchy is mounted")
	}
	name, err := cgroupfs.Name(cgroupsPath, id)
	if err != nil {
		return nil, err
	}
	m := &Manager{groups: make([]group, len(h)), found: h}
	for i := range h {
		path, err := h[i].At(name)
		if err != nil {
			return nil, err
		}
		m.groups[i] = group{
			Group: cgroupfs.Group{Path: path},
			label: h[i].Label(), mountpoint: h[i].Mountpoint,
		}
	}
	return m, nil
}

// hierarchies are those that are mounted.
func (m *Manager) hierarchies() (h cgroups.Hierarchies, err error) {
	if m.found == nil {
		m.found, err = cgroups.Find()
	}
	return m.found, err
}

// find returns the group that has the controller, or nil when the
// controller's hierarchy is not mounted.
func (m *Manager) find(controller string) *group {
	for i := range m.groups {
		if m.groups[i].has(controller) {
			return &m.groups[i]
		}
	}
	return nil
}

// notMounted is the error of what needs a controller that the container does not have.
func notMounted(controller string) error {
	return fmt.Errorf("the %s controller is not mounted", controller)
}

// Exists implements [cgroups.Manager].
func (m *Manager) Exists() bool {
	for i := range m.groups {
		if unix.Access(m.groups[i].Path, unix.F_OK) == nil {
			return true
		}
	}
	return false
}

// Settle implements [cgroups.Manager]: the cgroup stays until it is removed.
func (m *Manager) Settle() {}

// Close implements [cgroups.Manager].
func (m *Manager) Close() {
	for i := range m.groups {
		m.groups[i].Close()
	}
}
