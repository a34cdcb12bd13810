package cgroups

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Sub returns the Manager of cgroups below this one, which exist already. Each
// place is "PATH", for every hierarchy, and then it is the only one, or
// "CONTROLLER[,CONTROLLER]...:PATH"; hierarchies that are not named stay where
// they are. Paths start at the container's cgroup, "/" is that itself. Nothing
// is touched.
func (m *Manager) Sub(places []string) (*Manager, error) {
	s := Restore(m.State())
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
			i := slices.IndexFunc(s.groups, func(g group) bool { return controller != "" && contains(g.Controllers, controller) })
			if i < 0 {
				return nil, fmt.Errorf("%q: unknown controller %q", place, controller)
			}
			to := filepath.Join(m.groups[i].Path, path)
			if moved[i] && s.groups[i].Path != to {
				return nil, fmt.Errorf("%q: the hierarchy of %s was given another path already", place, s.groups[i].Controllers)
			}
			s.groups[i].Path, moved[i] = to, true
		}
	}
	return s, nil
}
