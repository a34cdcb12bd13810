package cgroups

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

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

// Memory returns what tells whether, and at which limit, processes of the cgroup
// were killed for memory: only Memory and OOMKills are read. Without a memory
// controller all is zero.
func (m *Manager) Memory() (MemoryStats, error) {
	var s MemoryStats
	g := m.find("memory")
	if g == nil {
		return s, nil
	}
	r := reader{group: g}
	s.killed(&r)
	return s, r.err
}

// Stats reads the counters of all controllers.
func (m *Manager) Stats() (*Stats, error) {
	s := new(Stats)
	for _, c := range [...]struct {
		controller string
		read       func(*reader)
	}{
		{"cpuacct", s.CPU.account},
		{"cpu", s.CPU.throttling},
		{"cpuset", s.CPUSet.all},
		{"memory", s.Memory.all},
		{"pids", s.Pids.all},
		{"blkio", s.Block.all},
		{"hugetlb", s.hugetlb},
		{unified, s.pressure},
	} {
		g := m.find(c.controller)
		if g == nil {
			continue
		}
		r := reader{group: g}
		c.read(&r)
		if r.err != nil {
			return nil, r.err
		}
	}
	return s, nil
}

func (s *CPUStats) account(r *reader) {
	s.Usage = r.number("cpuacct.usage")
	s.User = r.number("cpuacct.usage_user")
	s.Kernel = r.number("cpuacct.usage_sys")
	s.PerCPU = r.numbers("cpuacct.usage_percpu")
	s.PerCPUUser = r.numbers("cpuacct.usage_percpu_user")
	s.PerCPUKernel = r.numbers("cpuacct.usage_percpu_sys")
}

func (s *CPUSetStats) all(r *reader) {
	s.CPUs = r.list("cpuset.cpus")
	s.Mems = r.list("cpuset.mems")
	s.CPUExclusive = r.number("cpuset.cpu_exclusive")
	s.MemExclusive = r.number("cpuset.mem_exclusive")
	s.MemHardwall = r.number("cpuset.mem_hardwall")
	s.MemoryMigrate = r.number("cpuset.memory_migrate")
	s.MemorySpreadPage = r.number("cpuset.memory_spread_page")
	s.MemorySpreadSlab = r.number("cpuset.memory_spread_slab")
	s.MemoryPressure = r.number("cpuset.memory_pressure")
	s.SchedLoadBalance = r.number("cpuset.sched_load_balance")
	if level := string(bytes.TrimSpace(r.text("cpuset.sched_relax_domain_level"))); level != "" {
		s.SchedRelaxDomainLevel, _ = strconv.ParseInt(level, 10, 64) // -1 is the default
	}
}

func (s *Stats) pressure(r *reader) {
	s.CPU.Pressure = r.pressure("cpu.pressure")
	s.Memory.Pressure = r.pressure("memory.pressure")
	s.Block.Pressure = r.pressure("io.pressure")
}

func (s *CPUStats) throttling(r *reader) {
	stat := r.flat("cpu.stat")
	s.Periods = stat["nr_periods"]
	s.ThrottledPeriods = stat["nr_throttled"]
	s.ThrottledTime = stat["throttled_time"]
}

func (s *MemoryStats) killed(r *reader) {
	s.Memory = r.memory("memory")
	s.OOMKills = r.flat("memory.oom_control")["oom_kill"]
}

func (s *MemoryStats) all(r *reader) {
	s.killed(r)
	s.Swap = r.memory("memory.memsw")
	s.Kernel = r.memory("memory.kmem")
	s.KernelTCP = r.memory("memory.kmem.tcp")
	s.Raw = r.flat("memory.stat")
	s.Cache = s.Raw["cache"]
}

func (s *PidsStats) all(r *reader) {
	s.Current = int64(r.number("pids.current"))
	s.Limit = -1
	if limit := string(bytes.TrimSpace(r.text("pids.max"))); limit != "max" && limit != "" {
		s.Limit = int64(r.parse(limit))
	}
}

func (s *BlockStats) all(r *reader) {
	s.ServiceBytes = r.operations("io_service_bytes_recursive")
	s.Serviced = r.operations("io_serviced_recursive")
	s.Queued = r.block("blkio.bfq.io_queued_recursive")
	s.ServiceTime = r.block("blkio.bfq.io_service_time_recursive")
	s.WaitTime = r.block("blkio.bfq.io_wait_time_recursive")
	s.Merged = r.block("blkio.bfq.io_merged_recursive")
	s.Time = r.block("blkio.bfq.time_recursive")
	s.Sectors = r.block("blkio.bfq.sectors_recursive")
}

func (s *Stats) hugetlb(r *reader) {
	sizes, err := r.hugepageSizes()
	if err != nil {
		r.err = err
		return
	}
	s.Hugetlb = make(map[string]HugetlbStats, len(sizes))
	for _, size := range sizes {
		s.Hugetlb[size] = HugetlbStats{
			Usage:    r.number("hugetlb." + size + ".usage_in_bytes"),
			MaxUsage: r.number("hugetlb." + size + ".max_usage_in_bytes"),
			Failcnt:  r.number("hugetlb." + size + ".failcnt"),
		}
	}
}

// A reader reads the files of a cgroup and keeps the first error. A file that the
// kernel does not have reads as nothing.
type reader struct {
	*group
	err error
}

func (r *reader) text(file string) []byte {
	if r.err != nil {
		return nil
	}
	b, err := r.readAll(file)
	if err != nil && r.lacks(file) {
		return nil
	}
	r.err = err
	return b
}

// lacks says that the cgroup is there but not the file.
func (r *reader) lacks(file string) bool {
	return r.dir >= 0 && unix.Faccessat(r.dir, file, unix.F_OK, 0) == unix.ENOENT && unix.Faccessat(r.dir, procs, unix.F_OK, 0) == nil
}

func (r *reader) parse(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("reading the counters of %s: %w", r.Path, err)
	}
	return n
}

func (r *reader) number(file string) uint64 {
	if s := bytes.TrimSpace(r.text(file)); len(s) > 0 {
		return r.parse(string(s))
	}
	return 0
}

func (r *reader) memory(prefix string) MemoryCounter {
	return MemoryCounter{
		Usage:    r.number(prefix + ".usage_in_bytes"),
		MaxUsage: r.number(prefix + ".max_usage_in_bytes"),
		Limit:    r.number(prefix + ".limit_in_bytes"),
		Failcnt:  r.number(prefix + ".failcnt"),
	}
}

// flat reads lines of "KEY VALUE".
func (r *reader) flat(file string) map[string]uint64 {
	values := make(map[string]uint64)
	for line := range strings.Lines(string(r.text(file))) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			values[key] = r.parse(value)
		}
	}
	return values
}

func (r *reader) numbers(file string) (list []uint64) {
	for f := range bytes.FieldsSeq(r.text(file)) {
		list = append(list, r.parse(string(f)))
	}
	return list
}

// list reads a list of CPUs or nodes, "0-2,7".
func (r *reader) list(file string) (list []uint16) {
	for part := range strings.SplitSeq(strings.TrimSpace(string(r.text(file))), ",") {
		first, last, isRange := strings.Cut(part, "-")
		if first == "" {
			continue
		}
		if !isRange {
			last = first
		}
		for n, end := r.parse(first), r.parse(last); n <= end && end <= math.MaxUint16; n++ {
			list = append(list, uint16(n))
		}
	}
	return list
}

// pressure reads lines of "some avg10=0.00 avg60=0.00 avg300=0.00 total=0". A kernel
// that was told not to measure refuses the reading.
func (r *reader) pressure(file string) *Pressure {
	if r.err != nil {
		return nil
	}
	text, err := r.readAll(file)
	if err != nil {
		return nil
	}
	p := new(Pressure)
	for line := range strings.Lines(string(text)) {
		kind, rest, _ := strings.Cut(line, " ")
		stall := &p.Some
		if kind == "full" {
			stall = &p.Full
		}
		for field := range strings.FieldsSeq(rest) {
			stall.set(field)
		}
	}
	return p
}

func (s *Stall) set(field string) {
	name, value, _ := strings.Cut(field, "=")
	percent, _ := strconv.ParseFloat(value, 64)
	switch name {
	case "avg10":
		s.Avg10 = percent
	case "avg60":
		s.Avg60 = percent
	case "avg300":
		s.Avg300 = percent
	case "total":
		s.Total, _ = strconv.ParseUint(value, 10, 64)
	}
}

// operations reads a counter that bfq and the throttling both have, of each device one
// of them. bfq's goes first, as runc has it: newer kernels, such as 6.18, count for the
// throttling only the devices that had a limit at some time.
func (r *reader) operations(file string) []BlockEntry {
	entries := r.block("blkio.bfq." + file)
	scheduled := entries
	for _, e := range r.block("blkio.throttle." + file) {
		sameDevice := func(s BlockEntry) bool { return s.Major == e.Major && s.Minor == e.Minor }
		if !slices.ContainsFunc(scheduled, sameDevice) {
			entries = append(entries, e)
		}
	}
	return entries
}

// block reads lines of "MAJOR:MINOR OP VALUE", or without OP, and leaves out the
// total of all devices.
func (r *reader) block(file string) []BlockEntry {
	var entries []BlockEntry
	for line := range strings.Lines(string(r.text(file))) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] == "Total" {
			continue
		}
		major, minor, _ := strings.Cut(f[0], ":")
		e := BlockEntry{Major: r.parse(major), Minor: r.parse(minor), Value: r.parse(f[len(f)-1])}
		if len(f) == 3 {
			e.Op = f[1]
		}
		entries = append(entries, e)
	}
	return entries
}

// hugepageSizes returns the page sizes that the machine has, "2MB" and such.
func (r *reader) hugepageSizes() ([]string, error) {
	dir, err := openat(unix.AT_FDCWD, "/sys/kernel/mm/hugepages", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, ignoreGone(err)
	}
	defer unix.Close(dir)
	names, err := subdirs(dir)
	if err != nil {
		return nil, fmt.Errorf("reading /sys/kernel/mm/hugepages: %w", err)
	}
	var sizes []string
	for _, name := range names {
		kb, ok := strings.CutSuffix(strings.TrimPrefix(name, "hugepages-"), "kB")
		if n, err := strconv.ParseUint(kb, 10, 64); ok && err == nil {
			sizes = append(sizes, hugepageSize(n))
		}
	}
	return sizes, nil
}

// hugepageSize names a page size as the files of hugetlb do.
func hugepageSize(kb uint64) string {
	switch {
	case kb >= 1<<20:
		return fmt.Sprintf("%dGB", kb>>20)
	case kb >= 1<<10:
		return fmt.Sprintf("%dMB", kb>>10)
	}
	return fmt.Sprintf("%dKB", kb)
}
