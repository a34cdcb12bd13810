package cgroups

// Stats are the counters of a cgroup. What a controller that is not mounted would
// say is left zero. No limit of memory is the kernel's largest value.
type Stats struct {
	CPU     CPUStats
	CPUSet  CPUSetStats
	Memory  MemoryStats
	Pids    PidsStats
	Block   BlockStats
	Hugetlb map[string]HugetlbStats // by page size, such as "2MB"
}

// CPUStats count nanoseconds.
type CPUStats struct {
	Usage, User, Kernel uint64

	PerCPU, PerCPUUser, PerCPUKernel []uint64

	Periods          uint64 // periods of the quota that have passed
	ThrottledPeriods uint64 // those in which the quota was used up
	ThrottledTime    uint64

	Pressure *Pressure
}

// CPUSetStats are the settings of cpuset, of which the flags are 0 or 1
// (Documentation/admin-guide/cgroup-v1/cpusets.rst).
type CPUSetStats struct {
	CPUs, Mems            []uint16
	CPUExclusive          uint64
	MemExclusive          uint64
	MemHardwall           uint64
	MemoryMigrate         uint64
	MemorySpreadPage      uint64
	MemorySpreadSlab      uint64
	MemoryPressure        uint64 // reclaims in a thousand seconds
	SchedLoadBalance      uint64
	SchedRelaxDomainLevel int64
}

// MemoryStats count bytes.
type MemoryStats struct {
	Memory    MemoryCounter
	Swap      MemoryCounter // memory and swap together
	Kernel    MemoryCounter
	KernelTCP MemoryCounter
	Cache     uint64
	OOMKills  uint64            // processes of the cgroup that were killed
	Raw       map[string]uint64 // memory.stat
	Pressure  *Pressure
}

// A MemoryCounter is a usage, its largest value so far, its limit, and how often
// the limit was hit.
type MemoryCounter struct{ Usage, MaxUsage, Limit, Failcnt uint64 }

// PidsStats count tasks. A Limit of -1 is none.
type PidsStats struct{ Current, Limit int64 }

// BlockStats are the operations of each device. The first two every kernel counts,
// the others only a debugging bfq.
type BlockStats struct {
	ServiceBytes []BlockEntry
	Serviced     []BlockEntry
	Queued       []BlockEntry
	ServiceTime  []BlockEntry // nanoseconds
	WaitTime     []BlockEntry // nanoseconds
	Merged       []BlockEntry
	Time         []BlockEntry // milliseconds, without an operation
	Sectors      []BlockEntry // without an operation
	Pressure     *Pressure
}

// Pressure says how much time was lost waiting for a resource: by some process, and
// by all at once (Documentation/accounting/psi.rst). Only the unified hierarchy has
// it; nil stands for a machine without.
type Pressure struct{ Some, Full Stall }

// A Stall is the percentage of time lost within the last 10, 60 and 300 seconds, and
// the sum in microseconds.
type Stall struct {
	Avg10, Avg60, Avg300 float64
	Total                uint64
}

// A BlockEntry is a counter of one kind of operation: "Read", "Write" and "Discard", of
// which each is also one of "Sync" and "Async", and in "Total".
type BlockEntry struct {
	Major, Minor uint64
	Op           string
	Value        uint64
}

// HugetlbStats count bytes.
type HugetlbStats struct{ Usage, MaxUsage, Failcnt uint64 }
