package v2

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/devices"
	"github.com/rung-oci/rung/cgroups/limits"
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
	p, err := m.PlanUpdate(r, present)
	if err != nil {
		return nil, err
	}
	return m.Change(p, r, present)
}

// PlanUpdate plans a patch for the cgroup.
func (m *Manager) PlanUpdate(patch, present *specs.LinuxResources) (*limits.Plan, error) {
	p, err := PlanUpdate(patch, present, m.read)
	if err == nil {
		m.adjust(p)
	}
	return p, err
}

// Rewrite writes a file again that somebody else has written.
func (m *Manager) Rewrite(w limits.Write) error {
	_, err := (&limits.Plan{Writes: []limits.Write{w}}).Apply(target{m})
	return err
}

// Change is Update with a plan of PlanUpdate.
func (m *Manager) Change(p *limits.Plan, r, present *specs.LinuxResources) (*cgroups.Change, error) {
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
