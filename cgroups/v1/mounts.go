package v1

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Mounts implements [cgroups.Manager]: each hierarchy has a directory. The unified one
// is not shown.
func (m *Manager) Mounts() ([]cgroups.Mount, error) {
	h, err := m.hierarchies()
	if err != nil {
		return nil, err
	}
	return mounts(h, func(h *cgroups.Hierarchy) string {
		i := slices.IndexFunc(m.groups, func(g group) bool { return g.label == h.Label() })
		if i < 0 {
			return "" // it was mounted later
		}
		return m.groups[i].Path
	}), nil
}

// OwnMounts are the Mounts of a container that stays in the caller's cgroup.
func OwnMounts(h cgroups.Hierarchies) []cgroups.Mount {
	return mounts(h, func(h *cgroups.Hierarchy) string {
		if h.Own == "" {
			return ""
		}
		return filepath.Join(h.Mountpoint, h.Own)
	})
}

func mounts(all cgroups.Hierarchies, dir func(*cgroups.Hierarchy) string) (list []cgroups.Mount) {
	for i := range all {
		h := &all[i]
		if h.Unified {
			continue
		}
		options := slices.Clone(h.Controllers)
		if strings.HasPrefix(h.Label(), "name=") {
			options = append([]string{"none"}, options...)
		}
		list = append(list, cgroups.Mount{
			Name: h.Name, Links: h.Links(), Dir: dir(h), Type: "cgroup", Options: options,
		})
	}
	return list
}

// Roots implements [cgroups.Manager].
func (m *Manager) Roots() (roots []cgroups.Root, err error) {
	all, err := m.hierarchies()
	if err != nil {
		return nil, err
	}
	for i := range all {
		h := &all[i]
		for _, g := range m.groups {
			if g.label == h.Label() {
				at := path.Join(h.Root, strings.TrimPrefix(g.Path, h.Mountpoint))
				roots = append(roots, cgroups.Root{Controllers: strings.Join(h.Controllers, ","), Path: at})
			}
		}
	}
	return roots, nil
}

// FreezerDir implements [cgroups.Manager].
func (m *Manager) FreezerDir() string {
	if g := m.find("freezer"); g != nil {
		return g.Path
	}
	return ""
}

// HasChildren implements [cgroups.Manager].
func (m *Manager) HasChildren() bool {
	for i := range m.groups {
		if dir, err := m.groups[i].Open(); err == nil {
			if children, _ := cgroupfs.Children(dir); len(children) > 0 {
				return true
			}
		}
	}
	return false
}
