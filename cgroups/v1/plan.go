package v1

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/limits"
)

// A plan is one for the files of cgroup v1.
type plan struct {
	limits.Plan

	configuredShares *uint64 // of the CPU, before the patch; nil for none
}

// newPlan returns an empty plan for the cgroup whose files are read in that way.
func newPlan(read func(controller, file string) (string, error)) *plan {
	return &plan{Plan: limits.Plan{Read: read}}
}

func refuseUnified(r *specs.LinuxResources) error {
	if len(r.Unified) == 0 {
		return nil
	}
	keys := slices.Sorted(maps.Keys(r.Unified))
	return fmt.Errorf("linux.resources.unified: %s cannot be set: containers are limited through cgroup v1 here",
		strings.Join(keys, ", "))
}

// resources plans all of linux.resources but the devices, in the order of the properties in
// the specification.
func (p *plan) resources(r *specs.LinuxResources) error {
	if err := refuseUnified(r); err != nil {
		return err
	}
	p.memory(r.Memory)
	p.cpu(r.CPU)
	p.block(r.BlockIO)
	if err := p.Hugepages(r.HugepageLimits, "limit_in_bytes"); err != nil {
		return err
	}
	p.network(r.Network)
	p.Pids(r.Pids)
	p.RDMA(r.Rdma)
	return nil
}

// network plans the marks of packets. 0 is no mark, and so needs no controller:
// engines write it for what was not asked for.
func (p *plan) network(n *specs.LinuxNetwork) {
	if n == nil {
		return
	}
	if id := n.ClassID; id != nil && (*id != 0 || p.Has("net_cls.classid")) {
		p.Set("network.classID", "net_cls.classid", strconv.FormatUint(uint64(*n.ClassID), 10))
	}
	for i, priority := range n.Priorities {
		if priority.Priority == 0 && !p.Has("net_prio.ifpriomap") {
			continue
		}
		value := fmt.Sprintf("%s %d", priority.Name, priority.Priority)
		p.Set(fmt.Sprintf("network.priorities[%d]", i), "net_prio.ifpriomap", value)
	}
}
