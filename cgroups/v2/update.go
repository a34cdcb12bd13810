package v2

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
)

// Update implements [cgroups.Manager].
//
// What can be judged is judged before anything is written: files, and with
// checkBeforeUpdate a limit of memory below what is in use. Without that the kernel takes
// such a limit, reclaims, and kills processes of the container for what it cannot: the kernel
// of cgroup v1 refused it. The writes come in an order in which the kernel refuses none
// because of the one that follows, and in which a limit is raised before another is lowered.
func (m *Manager) Update(r, present *specs.LinuxResources) (*cgroups.Change, error) {
	p, err := PlanUpdate(r, present, m.read)
	if err != nil {
		return nil, err
	}
	if err := m.enable(Needs(p)); err != nil {
		return nil, err
	}
	return p.Update(target{m})
}
