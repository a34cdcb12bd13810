package v1

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

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

// New computes the cgroup of the container id from linux.cgroupsPath. It
// touches nothing.
//
// An absolute path starts at each hierarchy's mount point, a relative one at the
// caller's own cgroup in each hierarchy, and an empty one means the relative path
// id. A path such as "slice:prefix:name", which names a unit to systemd, is a
// relative path of one element here.
//
// The path is cleaned as text and never leads above where it starts: "/a/../b" is
// "/b", "../b" is "b". Refused are paths with NUL or a newline, and those that name no
// cgroup of their own ("/" and "a/.."): a container's cgroup is emptied and removed
// with it.
func New(h cgroups.Hierarchies, cgroupsPath, id string) (*Manager, error) {
	if len(h) == 0 {
		return nil, errors.New("no cgroup hierarchy is mounted")
	}
	if cgroupsPath == "" {
		if strings.Contains(id, "/") {
			return nil, fmt.Errorf("container id %q cannot name a cgroup: it contains a slash", id)
		}
		cgroupsPath = id
	}
	name, err := cleanPath(cgroupsPath)
	if err != nil {
		return nil, fmt.Errorf("linux.cgroupsPath %q: %w", cgroupsPath, err)
	}
	m := &Manager{groups: make([]group, len(h)), found: h}
	for i := range h {
		parent := h[i].Mountpoint
		if !filepath.IsAbs(name) {
			if h[i].Own == "" {
				return nil, fmt.Errorf("linux.cgroupsPath %q: the caller's own cgroup in the hierarchy %s "+
					"is outside of what is mounted at %s (%s): an absolute path is needed",
					cgroupsPath, h[i].Label(), h[i].Mountpoint, h[i].Root)
			}
			parent = filepath.Join(parent, h[i].Own)
		}
		m.groups[i] = group{
			Group: cgroupfs.Group{Path: filepath.Join(parent, name)},
			label: h[i].Label(), mountpoint: h[i].Mountpoint,
		}
	}
	return m, nil
}

func cleanPath(path string) (string, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return "", errors.New("contains NUL")
	}
	// EINVAL by cgroup_mkdir of kernel/cgroup/cgroup.c, but only once there is a record of it
	if strings.Contains(path, "\n") {
		return "", errors.New("contains a newline")
	}
	absolute := filepath.IsAbs(path)
	path = filepath.Clean("/" + path)
	if path == "/" {
		return "", errors.New("names no cgroup of the container's own")
	}
	if !absolute {
		path = path[1:]
	}
	return path, nil
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

// Close implements [cgroups.Manager].
func (m *Manager) Close() {
	for i := range m.groups {
		m.groups[i].Close()
	}
}
