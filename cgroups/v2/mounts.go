package v2

import (
	"path"
	"strings"

	"github.com/rung-oci/rung/cgroups"
)

// Mounts implements [cgroups.Manager].
func (m *Manager) Mounts() ([]cgroups.Mount, error) {
	h, err := m.hierarchy()
	if err != nil {
		return nil, err
	}
	return OwnMounts(h), nil
}

// OwnMounts are the Mounts of every container, of one that stays in the caller's cgroup, too. The
// hierarchy is mounted at the destination itself. Without a cgroup namespace all of it is shown, as
// other runtimes do: /proc/PID/cgroup names the container's cgroup from there on, and engines give
// their tools containers that look at those of others.
func OwnMounts(h *cgroups.Hierarchy) []cgroups.Mount {
	return []cgroups.Mount{{Dir: h.Mountpoint, Shared: true, Type: "cgroup2"}}
}

// Roots implements [cgroups.Manager].
func (m *Manager) Roots() ([]cgroups.Root, error) {
	h, err := m.hierarchy()
	if err != nil {
		return nil, err
	}
	return []cgroups.Root{{Path: path.Join(h.Root, strings.TrimPrefix(m.dir.Path, h.Mountpoint))}}, nil
}
