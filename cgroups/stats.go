package cgroups

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Stats are the counters of a cgroup. What a controller that is not mounted would
// say is left zero. No limit of memory is the kernel's largest value.
type Stats struct {
	CPU     CPUStats
	Memory  MemoryStats
	Pids    PidsStats
	Block   BlockStats
	Hugetlb map[string]HugetlbStats // by page size, such as "2MB"
}

// CPUStats count nanoseconds.
type CPUStats struct {
	Usage, User, Kernel uint64
	PerCPU              []uint64

	Periods          uint64 // periods of the quota that have passed
	ThrottledPeriods uint64 // those in which the quota was used up
	ThrottledTime    uint64
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
}

// A MemoryCounter is a usage, its largest value so far, its limit, and how often
// the limit was hit.
type MemoryCounter struct{ Usage, MaxUsage, Limit, Failcnt uint64 }

// PidsStats count tasks. A Limit of -1 is none.
type PidsStats struct{ Current, Limit int64 }

// BlockStats are the operations of each device.
type BlockStats struct {
	ServiceBytes []BlockEntry
	Serviced     []BlockEntry
}

// A BlockEntry is a counter of one kind of operation ("Read", "Write", …).
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
		{"memory", s.Memory.all},
		{"pids", s.Pids.all},
		{"blkio", s.Block.all},
		{"hugetlb", s.hugetlb},
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
	for _, f := range strings.Fields(string(r.text("cpuacct.usage_percpu"))) {
		s.PerCPU = append(s.PerCPU, r.parse(f))
	}
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
	s.ServiceBytes = r.block("blkio.throttle.io_service_bytes_recursive")
	s.Serviced = r.block("blkio.throttle.io_serviced_recursive")
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

// block reads lines of "MAJOR:MINOR OP VALUE" and leaves out the totals.
func (r *reader) block(file string) []BlockEntry {
	var entries []BlockEntry
	for line := range strings.Lines(string(r.text(file))) {
		f := strings.Fields(line)
		if len(f) != 3 || f[1] == "Total" {
			continue
		}
		major, minor, _ := strings.Cut(f[0], ":")
		entries = append(entries, BlockEntry{Major: r.parse(major), Minor: r.parse(minor), Op: f[1], Value: r.parse(f[2])})
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
