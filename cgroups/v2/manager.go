// Package v2 is a container's cgroup on the files of cgroup v2: one directory of the unified
// hierarchy (Documentation/admin-guide/cgroup-v2.rst).
package v2

import (
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/cgroups/limits"
)

// A Manager is a container's cgroup. It implements [cgroups.Manager].
type Manager struct {
	dir   cgroupfs.Group
	mount *cgroups.Hierarchy // nil: not looked for yet
	owner *uint32            // of the cgroup; nil: the caller
	// Adjust, if not nil, changes plans before they are done: for who keeps limits besides the files.
	Adjust func(*limits.Plan)
	leaf   string // the cgroup below that processes go to instead, see Move; ""
}

var _ cgroups.Manager = (*Manager)(nil)

// New computes the cgroup of the container id from linux.cgroupsPath: see [cgroupfs.Name]. It
// touches nothing. With an owner, a uid of the host, the cgroup will be delegated to that.
//
// Without a path the cgroup is beside the caller's own, as with other runtimes: that has
// processes, and can enable no controller for its children, or, which is worse, becomes threaded by
// it ("No Internal Process Constraint"). Where this user may make none there, it is below.
//
// A path such as "slice:prefix:name", which names a unit to systemd, is a
// relative path of one element here.
func New(h cgroups.Hierarchies, cgroupsPath, id string, owner *uint32) (*Manager, error) {
	m := &Manager{mount: h.Unified(), owner: owner}
	if m.mount == nil {
		return nil, errNotMounted
	}
	name, err := cgroupfs.Name(cgroupsPath, id)
	if err != nil {
		return nil, err
	}
	if cgroupsPath == "" && m.mount.Own != "" {
		m.dir.Path = filepath.Join(m.mount.Mountpoint, filepath.Dir(m.mount.Own), name)
		if cgroupfs.MayMake(m.dir.Path, m.mount.Mountpoint) == nil {
			return m, nil
		}
	}
	m.dir.Path, err = m.mount.At(name)
	return m, err
}

var errNotMounted = errors.New("cgroup v2 is not mounted")

// hierarchy is where cgroups are mounted.
func (m *Manager) hierarchy() (*cgroups.Hierarchy, error) {
	if m.mount == nil {
		h, err := cgroups.Find()
		if err != nil {
			return nil, err
		}
		if m.mount = h.Unified(); m.mount == nil {
			return nil, errNotMounted
		}
	}
	return m.mount, nil
}

// Exists implements [cgroups.Manager].
func (m *Manager) Exists() bool { return unix.Access(m.dir.Path, unix.F_OK) == nil }

// Settle implements [cgroups.Manager]: the cgroup stays until it is removed.
func (m *Manager) Settle() {}

// Close implements [cgroups.Manager].
func (m *Manager) Close() { m.dir.Close() }
