package v2

import (
	"math"
	"strings"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/counters"
)

// Memory implements [cgroups.Manager]. Processes that another cgroup's limit has killed, a
// parent's, or the machine's, are counted as well.
func (m *Manager) Memory() (cgroups.MemoryStats, error) {
	r := m.reader()
	var s cgroups.MemoryStats
	r.killed(&s)
	return s, r.Err
}

// Stats implements [cgroups.Manager]. What a controller counts that is not enabled for the
// cgroup is left zero.
func (m *Manager) Stats() (*cgroups.Stats, error) {
	r := m.reader()
	s := &cgroups.Stats{Hugetlb: make(map[string]cgroups.HugetlbStats)}
	controllers := string(r.Text("cgroup.controllers"))
	r.cpu(&s.CPU)
	for controller := range strings.FieldsSeq(controllers) {
		switch controller {
		case "cpuset":
			s.CPUSet.CPUs, s.CPUSet.Mems = r.List("cpuset.cpus.effective"), r.List("cpuset.mems.effective")
		case "memory":
			r.memory(&s.Memory)
		case "pids":
			r.Pids(&s.Pids)
		case "io":
			r.block(&s.Block)
		case "hugetlb":
			r.hugetlb(s)
		}
	}
	r.Pressures(s)
	if r.Err != nil {
		return nil, r.Err
	}
	return s, nil
}

// A reader reads the counters of the cgroup.
type reader struct{ counters.Reader }

func (m *Manager) reader() *reader { return &reader{counters.Reader{Group: &m.dir}} }

// cpu reads what every cgroup has, in microseconds, and with the controller throttling.
func (r *reader) cpu(s *cgroups.CPUStats) {
	const ns = 1000
	stat := r.Flat("cpu.stat")
	s.Usage, s.User, s.Kernel = stat["usage_usec"]*ns, stat["user_usec"]*ns, stat["system_usec"]*ns
	s.Periods, s.ThrottledPeriods, s.ThrottledTime = stat["nr_periods"], stat["nr_throttled"], stat["throttled_usec"]*ns
}

// killed reads the limit, and what has become of processes because of it.
func (r *reader) killed(s *cgroups.MemoryStats) {
	limit := r.Text(memoryMax)
	if len(limit) == 0 {
		return // the controller is not enabled
	}
	events := r.Flat(memoryEvents)
	s.OOMKills = events["oom_kill"]
	s.Memory = cgroups.MemoryCounter{
		Limit:    r.most(string(limit)),
		Usage:    r.Number(memoryCurrent),
		MaxUsage: r.Number("memory.peak"), // since Linux 5.19
		Failcnt:  events["max"],
	}
}

func (r *reader) memory(s *cgroups.MemoryStats) {
	r.killed(s)
	swap := r.most(string(r.Text(swapMax)))
	s.Swap = cgroups.MemoryCounter{
		Limit:   s.Memory.Limit + swap,
		Usage:   s.Memory.Usage + r.Number("memory.swap.current"),
		Failcnt: r.Flat("memory.swap.events")["max"],
	}
	if max(swap, s.Memory.Limit) == unlimited {
		s.Swap.Limit = unlimited
	}
	s.Raw = r.Flat("memory.stat")
	s.Cache = s.Raw["file"]
}

// unlimited is the counter of no limit, the kernel's largest value.
const unlimited = math.MaxUint64

// most is what the text of a limit says; without one, where the kernel accounts no swap,
// there is none.
func (r *reader) most(text string) uint64 {
	if s := strings.TrimSpace(text); s != "max" && s != "" {
		return r.Parse(s)
	}
	return unlimited
}

// block reads lines of "MAJOR:MINOR rbytes=N wbytes=N rios=N wios=N dbytes=N dios=N".
func (r *reader) block(s *cgroups.BlockStats) {
	for line := range strings.Lines(string(r.Text("io.stat"))) {
		device, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		major, minor, ok := strings.Cut(device, ":")
		if !ok {
			continue
		}
		e := cgroups.BlockEntry{Major: r.Parse(major), Minor: r.Parse(minor)}
		for field := range strings.FieldsSeq(rest) {
			key, value, _ := strings.Cut(field, "=")
			if list, op := counterOf(s, key); list != nil {
				e.Op, e.Value = op, r.Parse(value)
				*list = append(*list, e)
			}
		}
	}
}

// counterOf returns where a key of io.stat is counted, and what it is called there.
func counterOf(s *cgroups.BlockStats, key string) (list *[]cgroups.BlockEntry, op string) {
	switch key {
	case "rbytes":
		return &s.ServiceBytes, "Read"
	case "wbytes":
		return &s.ServiceBytes, "Write"
	case "dbytes":
		return &s.ServiceBytes, "Discard"
	case "rios":
		return &s.Serviced, "Read"
	case "wios":
		return &s.Serviced, "Write"
	case "dios":
		return &s.Serviced, "Discard"
	}
	return nil, ""
}

func (r *reader) hugetlb(s *cgroups.Stats) {
	for _, size := range r.HugepageSizes() {
		s.Hugetlb[size] = cgroups.HugetlbStats{
			Usage:   r.Number("hugetlb." + size + ".current"),
			Failcnt: r.Flat("hugetlb." + size + ".events")["max"],
		}
	}
}
