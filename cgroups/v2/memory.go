package v2

import (
	"fmt"
	"math"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/limits"
)

const (
	memoryMax     = "memory.max"
	memoryCurrent = "memory.current"
	swapMax       = "memory.swap.max"
)

// memory plans linux.resources.memory.
func (p *plan) memory(m *specs.LinuxMemory) error {
	if m == nil {
		return nil
	}
	if err := p.checkMemory(m); err != nil {
		return err
	}
	if err := p.memoryLimits(m.Limit, m.Swap); err != nil {
		return err
	}
	p.limit("memory.reservation", "memory.low", m.Reservation)
	const noKernel = "since Linux 5.16 the kernel's memory is not limited by itself"
	//lint:ignore SA1019 the specification still has it
	p.ignored(limits.Given(m.Kernel) && *m.Kernel > 0, "memory.kernel", noKernel)
	p.ignored(limits.Given(m.KernelTCP) && *m.KernelTCP > 0, "memory.kernelTCP", noKernel)
	p.ignored(m.Swappiness != nil, "memory.swappiness", "cgroup v2 has none for a cgroup")
	p.ignored(m.DisableOOMKiller != nil && *m.DisableOOMKiller, "memory.disableOOMKiller",
		"on cgroup v2 the kernel always kills when memory runs out (memory.high, by linux.resources.unified, slows "+
			"processes down before)")
	p.ignored(m.UseHierarchy != nil && !*m.UseHierarchy, "memory.useHierarchy",
		"memory is always accounted hierarchically")
	return nil
}

// limit sets a file to a number that is given, -1 being none.
func (p *plan) limit(property, file string, value *int64) *limits.Write {
	if !limits.Given(value) {
		return nil
	}
	w := p.Set(property, file, size(*value))
	w.Lifts = *value == -1
	return w
}

// size is a size as the kernel takes and shows it: -1 stands for none.
func size(n int64) string {
	if n == -1 {
		return "max"
	}
	return strconv.FormatInt(n, 10)
}

// memoryLimits plans the limits of memory and of swap. To the specification swap is that of
// both together; the kernel has one of swap by itself, which gets the difference, and is to be
// changed, too, when only the limit of memory is.
//
// In a cgroup with processes a limit that is raised comes first: below a lower one of memory
// the kernel swaps as much as it may, and then kills.
func (p *plan) memoryLimits(limit, swap *int64) error {
	alone, err := p.swapAlone(limit, swap)
	if err != nil {
		return err
	}
	property := "memory.swap"
	if !limits.Given(swap) {
		property = "memory.limit"
	}
	setSwap := func() {
		// without accounting there is no such file
		if w := p.limit(property, swapMax, alone); w != nil {
			return
		}
		if alone != nil {
			p.Set(property, swapMax, "0").Soft = []unix.Errno{unix.ENOENT}
		}
	}
	first := p.inUse && alone != nil && limits.Given(limit) && uint64(*alone) > uint64(p.most(swapMax))
	if first {
		setSwap()
	}
	p.limit("memory.limit", memoryMax, limit)
	if !first {
		setSwap()
	}
	return nil
}

// swapAlone returns the limit of swap by itself, nil for one that stays as it is.
func (p *plan) swapAlone(limit, both *int64) (alone *int64, err error) {
	if !limits.Given(both) {
		was := p.present.Memory
		switch {
		case !limits.Given(limit):
			return nil, nil
		case *limit == -1:
			return limit, nil // no limit of memory, but of both, there is not
		case was == nil || !limits.Given(was.Swap) || *was.Swap == -1:
			return nil, nil
		}
		both = was.Swap
	}
	if *both == -1 {
		return both, nil
	}
	memory := int64(math.MaxInt64)
	if limits.Given(limit) {
		memory = *limit
	} else if p.inUse {
		memory = p.most(memoryMax)
	}
	if memory == -1 || memory == math.MaxInt64 {
		return nil, fmt.Errorf("linux.resources.memory.swap: %d cannot be set without linux.resources.memory.limit: "+
			"it is the limit of memory and swap together, and cgroup v2 has one of swap by itself", *both)
	}
	if *both < memory {
		return nil, fmt.Errorf("linux.resources.memory.swap: %d, the limit of memory and swap together, "+
			"is below that of memory, %d (linux.resources.memory.limit)", *both, memory)
	}
	difference := *both - memory
	return &difference, nil
}

// most reads a limit that is in force.
func (p *plan) most(file string) int64 {
	return p.Present(file, math.MaxInt64)
}

// checkMemory refuses, where the config wants so, a limit below what is in use. Without
// checkBeforeUpdate the kernel reclaims what it can, and kills processes of the container
// for the rest: unlike that of cgroup v1 it does not refuse the limit.
func (p *plan) checkMemory(m *specs.LinuxMemory) error {
	if !p.inUse || m.CheckBeforeUpdate == nil || !*m.CheckBeforeUpdate {
		return nil
	}
	if limits.Given(m.Limit) && *m.Limit > 0 {
		if err := p.CheckUsage("memory.limit", *m.Limit, memoryCurrent); err != nil {
			return err
		}
	}
	if limits.Given(m.Swap) && *m.Swap > 0 {
		return p.CheckUsage("memory.swap", *m.Swap, memoryCurrent, "memory.swap.current")
	}
	return nil
}
