package v2

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
)

var errNotYet = errors.New("not supported on cgroup v2 yet")

// Update implements [cgroups.Manager].
func (m *Manager) Update(_, _ *specs.LinuxResources) (*cgroups.Change, error) { return nil, errNotYet }

// Stats implements [cgroups.Manager].
func (m *Manager) Stats() (*cgroups.Stats, error) { return nil, errNotYet }

// Memory implements [cgroups.Manager].
func (m *Manager) Memory() (cgroups.MemoryStats, error) { return cgroups.MemoryStats{}, nil }

// WatchOOM implements [cgroups.Manager].
func (m *Manager) WatchOOM() (cgroups.OOMWatch, error) { return cgroups.NoOOMWatch{}, nil }
