package v2

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Sub implements [cgroups.Manager]. There is one hierarchy for all controllers, so that a place
// for one of them is refused.
func (m *Manager) Sub(places []string) (cgroups.Manager, error) {
	s := &Manager{dir: cgroupfs.Group{Path: m.dir.Path}, mount: m.mount}
	for _, place := range places {
		if len(places) > 1 {
			return nil, fmt.Errorf("%q: one of several, and on cgroup v2 there is one for all controllers", place)
		}
		if controllers, _, ok := strings.Cut(place, ":"); ok {
			return nil, fmt.Errorf("%q: on cgroup v2 there is none for the controller %q alone", place, controllers)
		}
		if slices.Contains(strings.Split(place, "/"), "..") {
			return nil, fmt.Errorf("%q: %s is not a sub cgroup path", place, place)
		}
		s.dir.Path = filepath.Join(s.dir.Path, place)
	}
	return s, nil
}
