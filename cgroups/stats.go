package cgroups

import "math"

// Stats are the counters of a cgroup. What a controller that is not mounted would
// say is left zero. No limit of memory is the kernel's largest value.
//
// In JSON the names, and what is left out when it is zero, are those of runc's command
// events, because clients decode them.
type Stats struct {
	CPU     CPUStats                `json:"cpu"`
	CPUSet  CPUSetStats             `json:"cpuset"`
	Memory  MemoryStats             `json:"memory"`
	Pids    PidsStats               `json:"pids"`
	Block   BlockStats              `json:"blkio"`
	Hugetlb map[string]HugetlbStats `json:"hugetlb"` // by page size, such as "2MB"
}

// CPUStats count nanoseconds.
type CPUStats struct {
	CPUUsage      `json:"usage"`
	CPUThrottling `json:"throttling"`

	Pressure *Pressure `json:"psi,omitempty"`
}

// CPUUsage is the time that was used.
type CPUUsage struct {
	Usage        uint64   `json:"total,omitempty"`
	PerCPU       []uint64 `json:"percpu,omitempty"`
	PerCPUKernel []uint64 `json:"percpu_kernel,omitempty"`
	PerCPUUser   []uint64 `json:"percpu_user,omitempty"`
	Kernel       uint64   `json:"kernel"`
	User         uint64   `json:"user"`
}

// CPUThrottling is what the quota has done.
type CPUThrottling struct {
	Periods          uint64 `json:"periods,omitempty"`          // periods of the quota that have passed
	ThrottledPeriods uint64 `json:"throttledPeriods,omitempty"` // those in which the quota was used up
	ThrottledTime    uint64 `json:"throttledTime,omitempty"`
}

// CPUSetStats are the settings of cpuset, of which the flags are 0 or 1
// (Documentation/admin-guide/cgroup-v1/cpusets.rst).
type CPUSetStats struct {
	CPUs                  []uint16 `json:"cpus,omitempty"`
	CPUExclusive          uint64   `json:"cpu_exclusive"`
	Mems                  []uint16 `json:"mems,omitempty"`
	MemHardwall           uint64   `json:"mem_hardwall"`
	MemExclusive          uint64   `json:"mem_exclusive"`
	MemoryMigrate         uint64   `json:"memory_migrate"`
	MemorySpreadPage      uint64   `json:"memory_spread_page"`
	MemorySpreadSlab      uint64   `json:"memory_spread_slab"`
	MemoryPressure        uint64   `json:"memory_pressure"` // reclaims in a thousand seconds
	SchedLoadBalance      uint64   `json:"sched_load_balance"`
	SchedRelaxDomainLevel int64    `json:"sched_relax_domain_level"`
}

// MemoryStats count bytes.
type MemoryStats struct {
	Cache     uint64            `json:"cache,omitempty"`
	Memory    MemoryCounter     `json:"usage"`
	Swap      MemoryCounter     `json:"swap"` // memory and swap together
	Kernel    MemoryCounter     `json:"kernel"`
	KernelTCP MemoryCounter     `json:"kernelTCP"`
	OOMKills  uint64            `json:"-"`             // processes of the cgroup that were killed
	Raw       map[string]uint64 `json:"raw,omitempty"` // memory.stat
	Pressure  *Pressure         `json:"psi,omitempty"`
}

// A MemoryCounter is a usage, its largest value so far, its limit, and how often
// the limit was hit.
type MemoryCounter struct {
	Limit    uint64 `json:"limit"`
	Usage    uint64 `json:"usage,omitempty"`
	MaxUsage uint64 `json:"max,omitempty"`
	Failcnt  uint64 `json:"failcnt"`
}

// Limited reports whether there is a limit: no kernel has so much memory as it shows
// otherwise, in pages of up to 64 KiB.
func (c *MemoryCounter) Limited() bool { return c.Limit < math.MaxInt64-64<<10 }

// PidsStats count tasks.
type PidsStats struct {
	Current int64     `json:"current,omitempty"`
	Limit   PidsLimit `json:"limit,omitzero"`
}

// A PidsLimit of -1 is none.
type PidsLimit int64

// IsZero reports whether JSON leaves the limit out: also when there is none.
func (l PidsLimit) IsZero() bool { return l <= 0 }

// BlockStats are the operations of each device. The first two every kernel counts,
// the others only a debugging bfq.
type BlockStats struct {
	ServiceBytes []BlockEntry `json:"ioServiceBytesRecursive,omitempty"`
	Serviced     []BlockEntry `json:"ioServicedRecursive,omitempty"`
	Queued       []BlockEntry `json:"ioQueueRecursive,omitempty"`
	ServiceTime  []BlockEntry `json:"ioServiceTimeRecursive,omitempty"` // nanoseconds
	WaitTime     []BlockEntry `json:"ioWaitTimeRecursive,omitempty"`    // nanoseconds
	Merged       []BlockEntry `json:"ioMergedRecursive,omitempty"`
	Time         []BlockEntry `json:"ioTimeRecursive,omitempty"`  // milliseconds, without an operation
	Sectors      []BlockEntry `json:"sectorsRecursive,omitempty"` // without an operation
	Pressure     *Pressure    `json:"psi,omitempty"`
}

// Pressure says how much time was lost waiting for a resource: by some process, and
// by all at once (Documentation/accounting/psi.rst). Only the unified hierarchy has
// it; nil stands for a machine without.
type Pressure struct {
	Some Stall `json:"some"`
	Full Stall `json:"full"`
}

// A Stall is the percentage of time lost within the last 10, 60 and 300 seconds, and
// the sum in microseconds.
type Stall struct {
	Avg10  float64 `json:"avg10"`
	Avg60  float64 `json:"avg60"`
	Avg300 float64 `json:"avg300"`
	Total  uint64  `json:"total"`
}

// A BlockEntry is a counter of one kind of operation: "Read", "Write" and "Discard", of
// which each is also one of "Sync" and "Async", and in "Total".
type BlockEntry struct {
	Major uint64 `json:"major,omitempty"`
	Minor uint64 `json:"minor,omitempty"`
	Op    string `json:"op,omitempty"`
	Value uint64 `json:"value,omitempty"`
}

// HugetlbStats count bytes.
type HugetlbStats struct {
	Usage    uint64 `json:"usage,omitempty"`
	MaxUsage uint64 `json:"max,omitempty"`
	Failcnt  uint64 `json:"failcnt"`
}
