package v2

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/devices"
)

// Update implements [cgroups.Manager].
//
// What can be judged is judged before anything is written: files, and with
// checkBeforeUpdate a limit of memory below what is in use. Without that the kernel takes
// such a limit, reclaims, and kills processes of the container for what it cannot: the kernel
// of cgroup v1 refused it. The writes come in an order in which the kernel refuses none
// because of the one that follows, and in which a limit is raised before another is lowered.
// Rules of devices come last, behind those in force: one program replaces another.
func (m *Manager) Update(r, present *specs.LinuxResources) (*cgroups.Change, error) {
	p, err := PlanUpdate(r, present, m.read)
	if err != nil {
		return nil, err
	}
	if present == nil {
		present = new(specs.LinuxResources)
	}
	before, after, err := devices.Update(present.Devices, r.Devices)
	if err != nil {
		return nil, err
	}
	if err := m.enable(Needs(p)); err != nil {
		return nil, err
	}
	change, err := p.Update(target{m})
	if err != nil || len(r.Devices) == 0 {
		return change, err
	}
	return m.withDevices(change, before, after)
}
