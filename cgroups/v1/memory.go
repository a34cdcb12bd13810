package v1

import (
	"fmt"
	"math"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/limits"
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
	p.SetBit("memory.useHierarchy", "memory.use_hierarchy", m.UseHierarchy)
	p.memoryLimits(m.Limit, m.Swap)
	limits.SetGiven(&p.Plan, "memory.reservation", "memory.soft_limit_in_bytes", m.Reservation)
	//lint:ignore SA1019 the specification still has it
	p.kernelMemory(m.Kernel)
	limits.SetGiven(&p.Plan, "memory.kernelTCP", "memory.kmem.tcp.limit_in_bytes", m.KernelTCP)
	limits.SetPresent(&p.Plan, "memory.swappiness", "memory.swappiness", m.Swappiness)
	p.SetBit("memory.disableOOMKiller", "memory.oom_control", m.DisableOOMKiller)
}

// kernelMemory plans the limit of the kernel's memory. Linux 5.16 stopped limiting
// that by itself; some versions refuse the write and others ignore it.
func (p *plan) kernelMemory(limit *int64) {
	if !limits.Given(limit) {
		return
	}
	w := p.Set("memory.kernel", "memory.kmem.limit_in_bytes", strconv.FormatInt(*limit, 10))
	if *limit > 0 {
		w.Verify = kept(w.File, w.Value)
	}
	w.Soft = []unix.Errno{unix.ENOENT, unix.EOPNOTSUPP, enotsupp}
}

// enotsupp is the kernel's internal ENOTSUPP, which the memory controller lets
// out.
const enotsupp = unix.Errno(524)

// memoryLimits plans the limits of memory and of memory and swap together. The
// kernel keeps the first below or at the second at any moment, so that it decides
// the order whether the new limit of memory fits below the present one of both.
func (p *plan) memoryLimits(limit, swap *int64) {
	unlimited := int64(-1)
	present := func() int64 { return p.Present(memorySwapLimit, math.MaxInt64) }
	if limits.Given(limit) && *limit == -1 && !limits.Given(swap) && present() < math.MaxInt64-1<<16 {
		// No limit of memory is only possible without one of both.
		swap = &unlimited
	}
	first := len(p.Writes)
	if limits.Given(limit) && limits.Given(swap) && uint64(*limit) > uint64(present()) {
		limits.SetGiven(&p.Plan, "memory.swap", memorySwapLimit, swap)
		limits.SetGiven(&p.Plan, "memory.limit", memoryLimit, limit)
	} else {
		limits.SetGiven(&p.Plan, "memory.limit", memoryLimit, limit)
		limits.SetGiven(&p.Plan, "memory.swap", memorySwapLimit, swap)
	}
	for i := range p.Writes[first:] {
		p.Writes[first+i].Patient = true
	}
}

// kept looks whether the kernel has kept a size.
func kept(file, size string) func(read func(file string) (string, error)) string {
	return func(read func(file string) (string, error)) string {
		if now, err := read(file); err == nil && !samePages(now, size) {
			return fmt.Sprintf("this kernel ignores %s: it stays %s", file, now)
		}
		return ""
	}
}

// samePages reports whether two sizes are the same but for the rounding to pages.
func samePages(a, b string) bool {
	const largestPage = 64 << 10
	m, err1 := strconv.ParseUint(a, 10, 64)
	n, err2 := strconv.ParseUint(b, 10, 64)
	return err1 == nil && err2 == nil && max(m, n)-min(m, n) < largestPage
}
