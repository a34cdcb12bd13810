package v1

import (
	"math"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const (
	memoryLimit     = "memory.limit_in_bytes"
	memorySwapLimit = "memory.memsw.limit_in_bytes"
)

// memory plans linux.resources.memory (Documentation/admin-guide/cgroup-v1/memory.rst).
//
// checkBeforeUpdate needs nothing: this kernel interface refuses a limit below
// the usage by itself.
func (p *plan) memory(m *specs.LinuxMemory) {
	if m == nil {
		return
	}
	// Before limits: a cgroup that changes this one must not have any children.
	p.setBit("memory.useHierarchy", "memory.use_hierarchy", m.UseHierarchy)
	p.memoryLimits(m.Limit, m.Swap)
	setGiven(p, "memory.reservation", "memory.soft_limit_in_bytes", m.Reservation)
	//lint:ignore SA1019 the specification still has it
	p.kernelMemory(m.Kernel)
	setGiven(p, "memory.kernelTCP", "memory.kmem.tcp.limit_in_bytes", m.KernelTCP)
	setPresent(p, "memory.swappiness", "memory.swappiness", m.Swappiness)
	p.setBit("memory.disableOOMKiller", "memory.oom_control", m.DisableOOMKiller)
}

// kernelMemory plans the limit of the kernel's memory. Linux 5.16 stopped limiting
// that by itself; some versions refuse the write and others ignore it.
func (p *plan) kernelMemory(limit *int64) {
	if !given(limit) {
		return
	}
	w := p.set("memory.kernel", "memory.kmem.limit_in_bytes", strconv.FormatInt(*limit, 10))
	w.verify = *limit > 0
	w.soft = []unix.Errno{unix.ENOENT, unix.EOPNOTSUPP, enotsupp}
}

// enotsupp is the kernel's internal ENOTSUPP, which the memory controller lets
// out.
const enotsupp = unix.Errno(524)

// memoryLimits plans the limits of memory and of memory and swap together. The
// kernel keeps the first below or at the second at any moment, so that it decides
// the order whether the new limit of memory fits below the present one of both.
func (p *plan) memoryLimits(limit, swap *int64) {
	unlimited := int64(-1)
	if given(limit) && *limit == -1 && !given(swap) && p.number(memorySwapLimit, math.MaxInt64) < math.MaxInt64-1<<16 {
		// No limit of memory is only possible without one of both.
		swap = &unlimited
	}
	if given(limit) && given(swap) && uint64(*limit) > uint64(p.number(memorySwapLimit, math.MaxInt64)) {
		setGiven(p, "memory.swap", memorySwapLimit, swap)
		setGiven(p, "memory.limit", memoryLimit, limit)
		return
	}
	setGiven(p, "memory.limit", memoryLimit, limit)
	setGiven(p, "memory.swap", memorySwapLimit, swap)
}
