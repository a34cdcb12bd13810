package cmd

import (
	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer"
)

// The types of this file are the lines of events: their names, and what is left out
// when it is zero, are runc's, because clients decode them.

type eventJSON struct {
	Type string     `json:"type"`
	ID   string     `json:"id"`
	Data *statsJSON `json:"data,omitempty"`
}

type statsJSON struct {
	CPU               cpuJSON                  `json:"cpu"`
	CPUSet            cpusetJSON               `json:"cpuset"`
	Memory            memoryJSON               `json:"memory"`
	Pids              pidsJSON                 `json:"pids"`
	Blkio             blkioJSON                `json:"blkio"`
	Hugetlb           map[string]hugetlbJSON   `json:"hugetlb"`
	IntelRdt          struct{}                 `json:"intel_rdt"`
	NetworkInterfaces []libcontainer.Interface `json:"network_interfaces"` // named as in Go
}

type cpuJSON struct {
	Usage      cpuUsageJSON   `json:"usage"`
	Throttling throttlingJSON `json:"throttling"`
	PSI        *pressureJSON  `json:"psi,omitempty"`
}

type cpuUsageJSON struct {
	Total        uint64   `json:"total,omitempty"`
	Percpu       []uint64 `json:"percpu,omitempty"`
	PercpuKernel []uint64 `json:"percpu_kernel,omitempty"`
	PercpuUser   []uint64 `json:"percpu_user,omitempty"`
	Kernel       uint64   `json:"kernel"`
	User         uint64   `json:"user"`
}

type throttlingJSON struct {
	Periods          uint64 `json:"periods,omitempty"`
	ThrottledPeriods uint64 `json:"throttledPeriods,omitempty"`
	ThrottledTime    uint64 `json:"throttledTime,omitempty"`
}

type cpusetJSON struct {
	CPUs                  []uint16 `json:"cpus,omitempty"`
	CPUExclusive          uint64   `json:"cpu_exclusive"`
	Mems                  []uint16 `json:"mems,omitempty"`
	MemHardwall           uint64   `json:"mem_hardwall"`
	MemExclusive          uint64   `json:"mem_exclusive"`
	MemoryMigrate         uint64   `json:"memory_migrate"`
	MemorySpreadPage      uint64   `json:"memory_spread_page"`
	MemorySpreadSlab      uint64   `json:"memory_spread_slab"`
	MemoryPressure        uint64   `json:"memory_pressure"`
	SchedLoadBalance      uint64   `json:"sched_load_balance"`
	SchedRelaxDomainLevel int64    `json:"sched_relax_domain_level"`
}

type memoryJSON struct {
	Cache     uint64            `json:"cache,omitempty"`
	Usage     memoryEntryJSON   `json:"usage"`
	Swap      memoryEntryJSON   `json:"swap"`
	Kernel    memoryEntryJSON   `json:"kernel"`
	KernelTCP memoryEntryJSON   `json:"kernelTCP"`
	Raw       map[string]uint64 `json:"raw,omitempty"`
	PSI       *pressureJSON     `json:"psi,omitempty"`
}

type memoryEntryJSON struct {
	Limit   uint64 `json:"limit"`
	Usage   uint64 `json:"usage,omitempty"`
	Max     uint64 `json:"max,omitempty"`
	Failcnt uint64 `json:"failcnt"`
}

type pidsJSON struct {
	Current uint64 `json:"current,omitempty"`
	Limit   uint64 `json:"limit,omitempty"` // none: left out
}

type blkioJSON struct {
	ServiceBytes []blkioEntryJSON `json:"ioServiceBytesRecursive,omitempty"`
	Serviced     []blkioEntryJSON `json:"ioServicedRecursive,omitempty"`
	Queued       []blkioEntryJSON `json:"ioQueueRecursive,omitempty"`
	ServiceTime  []blkioEntryJSON `json:"ioServiceTimeRecursive,omitempty"`
	WaitTime     []blkioEntryJSON `json:"ioWaitTimeRecursive,omitempty"`
	Merged       []blkioEntryJSON `json:"ioMergedRecursive,omitempty"`
	Time         []blkioEntryJSON `json:"ioTimeRecursive,omitempty"`
	Sectors      []blkioEntryJSON `json:"sectorsRecursive,omitempty"`
	PSI          *pressureJSON    `json:"psi,omitempty"`
}

type blkioEntryJSON struct {
	Major uint64 `json:"major,omitempty"`
	Minor uint64 `json:"minor,omitempty"`
	Op    string `json:"op,omitempty"`
	Value uint64 `json:"value,omitempty"`
}

type hugetlbJSON struct {
	Usage   uint64 `json:"usage,omitempty"`
	Max     uint64 `json:"max,omitempty"`
	Failcnt uint64 `json:"failcnt"`
}

type pressureJSON struct {
	Some stallJSON `json:"some"`
	Full stallJSON `json:"full"`
}

type stallJSON struct {
	Avg10  float64 `json:"avg10"`
	Avg60  float64 `json:"avg60"`
	Avg300 float64 `json:"avg300"`
	Total  uint64  `json:"total"`
}

func newStatsJSON(s *libcontainer.Stats) *statsJSON {
	j := &statsJSON{
		CPU: cpuJSON{
			cpuUsageJSON{s.CPU.Usage, s.CPU.PerCPU, s.CPU.PerCPUKernel, s.CPU.PerCPUUser, s.CPU.Kernel, s.CPU.User},
			throttlingJSON{s.CPU.Periods, s.CPU.ThrottledPeriods, s.CPU.ThrottledTime},
			newPressureJSON(s.CPU.Pressure),
		},
		CPUSet: newCpusetJSON(&s.CPUSet),
		Memory: memoryJSON{
			s.Memory.Cache, newMemoryEntryJSON(s.Memory.Memory), newMemoryEntryJSON(s.Memory.Swap),
			newMemoryEntryJSON(s.Memory.Kernel), newMemoryEntryJSON(s.Memory.KernelTCP), s.Memory.Raw,
			newPressureJSON(s.Memory.Pressure),
		},
		Pids: pidsJSON{uint64(s.Pids.Current), uint64(max(s.Pids.Limit, 0))},
		Blkio: blkioJSON{
			newBlkioJSON(s.Block.ServiceBytes), newBlkioJSON(s.Block.Serviced), newBlkioJSON(s.Block.Queued),
			newBlkioJSON(s.Block.ServiceTime),
			newBlkioJSON(s.Block.WaitTime), newBlkioJSON(s.Block.Merged), newBlkioJSON(s.Block.Time),
			newBlkioJSON(s.Block.Sectors), newPressureJSON(s.Block.Pressure),
		},
		Hugetlb:           make(map[string]hugetlbJSON, len(s.Hugetlb)),
		NetworkInterfaces: s.Network,
	}
	for size, h := range s.Hugetlb {
		j.Hugetlb[size] = hugetlbJSON{h.Usage, h.MaxUsage, h.Failcnt}
	}
	return j
}

func newCpusetJSON(s *cgroups.CPUSetStats) cpusetJSON {
	return cpusetJSON{s.CPUs, s.CPUExclusive, s.Mems, s.MemHardwall, s.MemExclusive, s.MemoryMigrate,
		s.MemorySpreadPage,
		s.MemorySpreadSlab, s.MemoryPressure, s.SchedLoadBalance, s.SchedRelaxDomainLevel}
}

func newMemoryEntryJSON(c cgroups.MemoryCounter) memoryEntryJSON {
	return memoryEntryJSON{c.Limit, c.Usage, c.MaxUsage, c.Failcnt}
}

func newBlkioJSON(entries []cgroups.BlockEntry) (list []blkioEntryJSON) {
	for _, e := range entries {
		list = append(list, blkioEntryJSON(e))
	}
	return list
}

func newPressureJSON(p *cgroups.Pressure) *pressureJSON {
	if p == nil {
		return nil
	}
	return &pressureJSON{stallJSON(p.Some), stallJSON(p.Full)}
}
