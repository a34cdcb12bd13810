package v2

import (
	"errors"
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/cgroups/limits"
)

// set applies linux.resources but for the devices, and writes only what r gives; r may be
// nil.
func (m *Manager) set(r *specs.LinuxResources) (warnings []string, err error) {
	if r == nil {
		return nil, nil
	}
	p := limits.Plan{Read: m.read}
	if err := resources(&p, r); err != nil {
		return nil, err
	}
	return p.Apply(target{m})
}

// read is what a plan knows of the cgroup.
func (m *Manager) read(_, file string) (string, error) { return m.dir.Read(file) }

// resources plans all of linux.resources but the devices.
//
// None can be set yet: what is given is an error that names it.
func resources(_ *limits.Plan, r *specs.LinuxResources) error {
	var given []string
	for _, l := range [...]struct {
		name  string
		given bool
	}{
		{"memory", r.Memory != nil && *r.Memory != specs.LinuxMemory{}},
		{"cpu", r.CPU != nil && *r.CPU != specs.LinuxCPU{}},
		{"pids", r.Pids != nil && r.Pids.Limit != nil},
		{"blockIO", r.BlockIO != nil},
		{"hugepageLimits", len(r.HugepageLimits) > 0},
		{"network", r.Network != nil},
		{"rdma", len(r.Rdma) > 0},
		{"unified", len(r.Unified) > 0},
	} {
		if l.given {
			given = append(given, "linux.resources."+l.name)
		}
	}
	if len(given) > 0 {
		return fmt.Errorf("%s: not supported on cgroup v2 yet", strings.Join(given, ", "))
	}
	return nil
}

// A target is where plans are written.
type target struct{ *Manager }

// Group implements [limits.Target].
func (t target) Group(_, _ string) (*cgroupfs.Group, error) { return &t.dir, nil }

// Obstacle implements [limits.Target].
func (target) Obstacle(*limits.Write, error) (file, why string) { return "", "" }

// Undo implements [limits.Target].
func (target) Undo(*limits.Write, string) ([]limits.Write, error) { return nil, errors.ErrUnsupported }
