package v1

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Sub implements [cgroups.Manager].
func (m *Manager) Sub(places []string) (cgroups.Manager, error) {
	s := &Manager{groups: slices.Clone(m.groups)}
	for i := range s.groups {
		s.groups[i].Group = cgroupfs.Group{Path: m.groups[i].Path}
	}
	moved := make([]bool, len(s.groups))
	for _, place := range places {
		controllers, path, ok := strings.Cut(place, ":")
		if !ok {
			if len(places) > 1 {
				return nil, fmt.Errorf("%q: one of several, and names no controller", place)
			}
			path = place
		}
		if slices.Contains(strings.Split(path, "/"), "..") {
			return nil, fmt.Errorf("%q: %s is not a sub cgroup path", place, path)
		}
		if !ok {
			for i := range s.groups {
				s.groups[i].Path = filepath.Join(s.groups[i].Path, path)
			}
			continue
		}
		for controller := range strings.SplitSeq(controllers, ",") {
			i := slices.IndexFunc(s.groups, func(g group) bool { return g.has(controller) })
			if i < 0 {
				return nil, fmt.Errorf("%q: unknown controller %q", place, controller)
			}
			to := filepath.Join(m.groups[i].Path, path)
			if moved[i] && s.groups[i].Path != to {
				return nil, fmt.Errorf("%q: the hierarchy of %s was given another path already",
					place, m.groups[i].label)
			}
			s.groups[i].Path, moved[i] = to, true
		}
	}
	return s, nil
}
