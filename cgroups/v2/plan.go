package v2

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/limits"
)

// A plan is one for the files of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst).
type plan struct {
	limits.Plan

	inUse   bool                  // processes are in the cgroup: the order of the writes matters
	present *specs.LinuxResources // in force before an update; never nil
}

// Plan plans all of linux.resources but the devices, in the order of the properties in the
// specification, for a new cgroup. The files that it has are asked for through read.
//
// The specification speaks of the values of cgroup v1. How they are converted is decided here
// and nowhere else: who hands limits to systemd takes them from the writes.
func Plan(r *specs.LinuxResources, read limits.Read) (*limits.Plan, error) {
	p := &plan{Plan: limits.Plan{Read: read}, present: new(specs.LinuxResources)}
	return &p.Plan, p.resources(r)
}

// PlanUpdate plans a patch for a cgroup with processes. Present are the resources in force,
// or nil: see Update of [cgroups.Manager].
func PlanUpdate(patch, present *specs.LinuxResources, read limits.Read) (*limits.Plan, error) {
	if present == nil {
		present = new(specs.LinuxResources)
	}
	p := &plan{Plan: limits.Plan{Read: read}, inUse: true, present: present}
	return &p.Plan, p.resources(patch)
}

func (p *plan) resources(r *specs.LinuxResources) error {
	if r == nil {
		return nil
	}
	for _, step := range [...]func() error{
		func() error { return p.memory(r.Memory) },
		func() error { p.cpu(r.CPU); return nil },
		func() error { p.block(r.BlockIO); return nil },
		func() error { return p.Hugepages(r.HugepageLimits, "max") },
		func() error { return refuseNetwork(r.Network) },
		func() error { p.Pids(r.Pids); p.RDMA(r.Rdma); return nil },
		func() error { return p.unified(r.Unified) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// refuseNetwork refuses the marks of packets, which firewalls may rely on. 0 is no mark:
// engines write it for what was not asked for.
func refuseNetwork(n *specs.LinuxNetwork) error {
	if n == nil {
		return nil
	}
	const why = "cgroup v2 does not mark packets: a firewall can match the cgroup itself"
	if n.ClassID != nil && *n.ClassID != 0 {
		return fmt.Errorf("linux.resources.network.classID: %s", why)
	}
	for i, priority := range n.Priorities {
		if priority.Priority != 0 {
			return fmt.Errorf("linux.resources.network.priorities[%d]: %s", i, why)
		}
	}
	return nil
}

// ignored warns of a property that cgroup v2 has nothing for.
func (p *plan) ignored(given bool, property, why string) {
	if given {
		p.Warn(property, "ignored: %s", why)
	}
}

// Needs returns the controllers that a plan needs, each once, with the first property that
// needs it.
func Needs(p *limits.Plan) (needs []Need) {
	seen := map[string]bool{"cgroup": true} // is no controller
	for i := range p.Writes {
		w := &p.Writes[i]
		// every cgroup has files of pressure
		if seen[w.Controller] || w.Lifts || strings.HasSuffix(w.File, ".pressure") {
			continue
		}
		seen[w.Controller] = true
		needs = append(needs, Need{w.Controller, w.Property})
	}
	return needs
}
