package libcontainer

import (
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
)

// newCgroup names the cgroup of a new container. With NoCgroup it has none: its
// processes stay in the caller's, and what cannot be done so is refused.
func (r *Runtime) newCgroup(s *specs.Spec, h cgroups.Hierarchies, id string) (*cgroups.Manager, error) {
	if r.NoCgroup {
		return new(cgroups.Manager), r.refuseLimits(s)
	}
	path := ""
	if s.Linux != nil {
		path = s.Linux.CgroupsPath
	}
	return cgroups.New(h, path, id)
}

// refuseLimits refuses what only a cgroup can enforce. Rules of devices are a
// warning: engines write some into every config.
func (r *Runtime) refuseLimits(s *specs.Spec) error {
	if s.Linux == nil || s.Linux.Resources == nil {
		return nil
	}
	var limits []string
	l := s.Linux.Resources
	for _, p := range [...]struct {
		name  string
		given bool
	}{
		{"memory", l.Memory != nil && *l.Memory != specs.LinuxMemory{}},
		{"cpu", l.CPU != nil && *l.CPU != specs.LinuxCPU{}},
		{"pids", l.Pids != nil && l.Pids.Limit != nil},
		{"blockIO", l.BlockIO != nil},
		{"hugepageLimits", len(l.HugepageLimits) > 0},
		{"network", l.Network != nil},
		{"rdma", len(l.Rdma) > 0},
		{"unified", len(l.Unified) > 0},
	} {
		if p.given {
			limits = append(limits, "linux.resources."+p.name)
		}
	}
	if len(limits) > 0 {
		return fmt.Errorf("%s: cannot set limits without cgroups (--cgroup-manager disabled)", strings.Join(limits, ", "))
	}
	if len(l.Devices) > 0 {
		r.Log.Warnf("linux.resources.devices: ignored: without cgroups the container may use every device that it has a node of")
	}
	return nil
}
