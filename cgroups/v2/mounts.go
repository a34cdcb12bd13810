package v2

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/rung-oci/rung/cgroups"
)

// Mounts implements [cgroups.Manager]: the hierarchy is mounted at the destination itself.
func (m *Manager) Mounts() ([]cgroups.Mount, error) {
	return []cgroups.Mount{{Dir: m.dir.Path, Type: "cgroup2"}}, nil
}

// OwnMounts are the Mounts of a container that stays in the caller's cgroup.
func OwnMounts(h *cgroups.Hierarchy) []cgroups.Mount {
	m := cgroups.Mount{Type: "cgroup2"}
	if h.Own != "" {
		m.Dir = filepath.Join(h.Mountpoint, h.Own)
	}
	return []cgroups.Mount{m}
}

// Roots implements [cgroups.Manager].
func (m *Manager) Roots() ([]cgroups.Root, error) {
	h, err := m.hierarchy()
	if err != nil {
		return nil, err
	}
	return []cgroups.Root{{Path: path.Join(h.Root, strings.TrimPrefix(m.dir.Path, h.Mountpoint))}}, nil
}
