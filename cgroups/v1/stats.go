package v1

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/rung-oci/rung/cgroups"
)

// Memory implements [cgroups.Manager].
func (m *Manager) Memory() (cgroups.MemoryStats, error) {
	var s cgroups.MemoryStats
	g := m.find("memory")
	if g == nil {
		return s, nil
	}
	r := newReader(g)
	r.killed(&s)
	return s, r.Err
}

// Stats implements [cgroups.Manager].
func (m *Manager) Stats() (*cgroups.Stats, error) {
	s := &cgroups.Stats{Hugetlb: make(map[string]cgroups.HugetlbStats)}
	counted := false
	for _, c := range [...]struct {
		controller string
		read       func(*reader, *cgroups.Stats)
	}{
		{"cpuacct", (*reader).account},
		{"cpu", (*reader).throttling},
		{"cpuset", (*reader).cpuset},
		{"memory", (*reader).allMemory},
		{"pids", func(r *reader, s *cgroups.Stats) { r.Pids(&s.Pids) }},
		{"blkio", (*reader).allBlock},
		{"hugetlb", (*reader).hugetlb},
		{cgroups.Unified, func(r *reader, s *cgroups.Stats) { r.Pressures(s) }},
	} {
		g := m.find(c.controller)
		if g == nil {
			continue
		}
		r := newReader(g)
		c.read(r, s)
		if r.Err != nil {
			return nil, r.Err
		}
		counted = counted || c.controller != cgroups.Unified
	}
	if !counted { // zeros would be taken for counters
		return nil, errors.New("no statistics: none of the controllers that count is mounted")
	}
	return s, nil
}

func (r *reader) account(all *cgroups.Stats) {
	s := &all.CPU
	s.Usage = r.Number("cpuacct.usage")
	s.User = r.Number("cpuacct.usage_user")
	s.Kernel = r.Number("cpuacct.usage_sys")
	s.PerCPU = r.Numbers("cpuacct.usage_percpu")
	s.PerCPUUser = r.Numbers("cpuacct.usage_percpu_user")
	s.PerCPUKernel = r.Numbers("cpuacct.usage_percpu_sys")
}

func (r *reader) cpuset(all *cgroups.Stats) {
	s := &all.CPUSet
	s.CPUs = r.List("cpuset.cpus")
	s.Mems = r.List("cpuset.mems")
	s.CPUExclusive = r.Number("cpuset.cpu_exclusive")
	s.MemExclusive = r.Number("cpuset.mem_exclusive")
	s.MemHardwall = r.Number("cpuset.mem_hardwall")
	s.MemoryMigrate = r.Number("cpuset.memory_migrate")
	s.MemorySpreadPage = r.Number("cpuset.memory_spread_page")
	s.MemorySpreadSlab = r.Number("cpuset.memory_spread_slab")
	s.MemoryPressure = r.Number("cpuset.memory_pressure")
	s.SchedLoadBalance = r.Number("cpuset.sched_load_balance")
	if level := string(bytes.TrimSpace(r.Text("cpuset.sched_relax_domain_level"))); level != "" {
		s.SchedRelaxDomainLevel, _ = strconv.ParseInt(level, 10, 64) // -1 is the default
	}
}

func (r *reader) throttling(all *cgroups.Stats) {
	s := &all.CPU
	stat := r.Flat("cpu.stat")
	s.Periods = stat["nr_periods"]
	s.ThrottledPeriods = stat["nr_throttled"]
	s.ThrottledTime = stat["throttled_time"]
}

func (r *reader) killed(s *cgroups.MemoryStats) {
	s.Memory = r.memory("memory")
	s.OOMKills = r.Flat("memory.oom_control")["oom_kill"]
}

func (r *reader) allMemory(all *cgroups.Stats) {
	s := &all.Memory
	r.killed(s)
	s.Swap = r.memory("memory.memsw")
	s.Kernel = r.memory("memory.kmem")
	s.KernelTCP = r.memory("memory.kmem.tcp")
	s.Raw = r.Flat("memory.stat")
	s.Cache = s.Raw["cache"]
}

func (r *reader) allBlock(all *cgroups.Stats) {
	s := &all.Block
	s.ServiceBytes = r.operations("io_service_bytes_recursive")
	s.Serviced = r.operations("io_serviced_recursive")
	s.Queued = r.block("blkio.bfq.io_queued_recursive")
	s.ServiceTime = r.block("blkio.bfq.io_service_time_recursive")
	s.WaitTime = r.block("blkio.bfq.io_wait_time_recursive")
	s.Merged = r.block("blkio.bfq.io_merged_recursive")
	s.Time = r.block("blkio.bfq.time_recursive")
	s.Sectors = r.block("blkio.bfq.sectors_recursive")
}

func (r *reader) hugetlb(s *cgroups.Stats) {
	for _, size := range r.HugepageSizes() {
		s.Hugetlb[size] = cgroups.HugetlbStats{
			Usage:    r.Number("hugetlb." + size + ".usage_in_bytes"),
			MaxUsage: r.Number("hugetlb." + size + ".max_usage_in_bytes"),
			Failcnt:  r.Number("hugetlb." + size + ".failcnt"),
		}
	}
}
