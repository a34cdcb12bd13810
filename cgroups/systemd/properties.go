package systemd

import (
	"fmt"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/cgroups/limits"
	"github.com/rung-oci/rung/cgroups/systemd/bus"
)

// infinity is CGROUP_LIMIT_MAX and USEC_INFINITY of systemd: what "max" is in the kernel's files.
const infinity = math.MaxUint64

// properties are what systemd is told of the values that are written to the files of the
// cgroup. The files are written besides: a value that systemd has no property for, such as
// cpu.max.burst, it leaves alone. What it would refuse is
// left to the kernel to refuse, or to take.
//
// read reads what a file has of what is not written; node is the device node of a block device.
func properties(writes []limits.Write, read limits.Read, node func(device string) string) []property {
	s := settings{read: read, node: node, devices: map[string]bus.Array{}}
	for i := range writes {
		s.file(writes[i].File, writes[i].Value)
	}
	return s.list
}

// settings are properties on their way; a file that is written again replaces what it said.
type settings struct {
	list    []property
	read    limits.Read
	node    func(device string) string
	devices map[string]bus.Array // those with a value for each device
}

func (s *settings) set(name string, v bus.Value) {
	for i := range s.list {
		if s.list[i].name == name {
			s.list[i].value = v
			return
		}
	}
	s.list = append(s.list, property{name, v})
}

// oomPolicy is what systemd writes memory.oom.group by, of a new unit only.
func oomPolicy(writes []limits.Write) (list []property) {
	for i := range writes {
		if policy := map[string]string{"0": "continue", "1": "kill"}[writes[i].Value]; policy != "" &&
			writes[i].File == oomGroup {
			list = override(list, []property{{"OOMPolicy", bus.String(policy)}})
		}
	}
	return list
}

const oomGroup = "memory.oom.group"

// A number is a property that is one number, as the kernel's file is, or "max".
type number struct {
	name        string
	least, most uint64 // that systemd takes, besides infinity
}

var numbers = map[string]number{
	"memory.min":       {"MemoryMin", 0, infinity},
	"memory.low":       {"MemoryLow", 0, infinity},
	"memory.high":      {"MemoryHigh", 1, infinity},
	"memory.max":       {"MemoryMax", 1, infinity},
	"memory.swap.max":  {"MemorySwapMax", 0, infinity},
	"memory.zswap.max": {"MemoryZSwapMax", 0, infinity},
	"pids.max":         {"TasksMax", 1, infinity},
	"cpu.weight":       {"CPUWeight", 1, 10000},
}

func (s *settings) file(file, value string) {
	if file == "pids.max" && value == "0" { // nothing can fork: neither with 1
		value = "1"
	}
	if p, ok := numbers[file]; ok {
		if n, ok := parseNumber(value); ok && n >= p.least && n <= p.most {
			s.set(p.name, bus.Uint64(n))
		}
		return
	}
	switch file {
	case cpuMax:
		if q, ok := parseQuota(value, s.read); ok {
			s.set("CPUQuotaPerSecUSec", bus.Uint64(q.second()))
			s.set("CPUQuotaPeriodUSec", bus.Uint64(q.period))
		}
	case "cpu.idle":
		s.idle(value)
	case "cpuset.cpus":
		s.bitmap("AllowedCPUs", value)
	case "cpuset.mems":
		s.bitmap("AllowedMemoryNodes", value)
	case "io.weight":
		s.ioWeight(value, func(n uint64) uint64 { return n })
	case "io.bfq.weight":
		if !s.has("IOWeight") { // both are written from that one
			s.ioWeight(value, fromBFQ)
		}
	case "io.max":
		s.throttle(value)
	}
}

// idle reads cpu.idle, which systemd writes by a weight of its own, CGROUP_WEIGHT_IDLE. Who is no
// longer idle has the default weight, unless one is written.
func (s *settings) idle(value string) {
	switch {
	case value == "1":
		s.set("CPUWeight", bus.Uint64(0))
	case s.has("CPUWeight"):
	default:
		if now, err := s.read("cpu", "cpu.idle"); err == nil && now == "1" {
			s.set("CPUWeight", bus.Uint64(defaultWeight))
		}
	}
}

const defaultWeight = 100

func (s *settings) has(name string) bool {
	for i := range s.list {
		if s.list[i].name == name {
			return true
		}
	}
	return false
}

// parseNumber reads what a file of the kernel may hold.
func parseNumber(text string) (uint64, bool) {
	if text == "max" {
		return infinity, true
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}

// defaultPeriod is that of cpu.max, in microseconds.
const defaultPeriod = 100000

// hundredth of a second, in microseconds: systemd knows no more of a quota when it reads its units anew.
const hundredth = 10000

// A quota is what cpu.max holds, in microseconds.
type quota struct{ runtime, period uint64 }

// parseQuota reads "QUOTA PERIOD" or "QUOTA", which keeps the period.
func parseQuota(value string, read limits.Read) (q quota, ok bool) {
	text, period, two := strings.Cut(value, " ")
	if !two {
		period = strconv.Itoa(defaultPeriod)
		if now, err := read("cpu", cpuMax); err == nil {
			_, period, _ = strings.Cut(now, " ")
		}
	}
	q.period, _ = parseNumber(period)
	q.runtime, ok = parseNumber(text)
	return q, ok && q.period > 0 && q.period != infinity
}

// second is the quota for a second, as systemd takes it. It is rounded, up, since a container's own
// cgroups may have been given all of it.
func (q quota) second() uint64 {
	high, low := bits.Mul64(q.runtime, 1000000)
	if q.runtime == infinity || high >= q.period {
		return infinity
	}
	n, rest := bits.Div64(high, low, q.period)
	if rest > 0 {
		n++
	}
	if n >= infinity-hundredth {
		return infinity
	}
	return (n + hundredth - 1) / hundredth * hundredth
}

// String is what systemd makes of it.
func (q quota) String() string {
	second := q.second()
	if second == infinity {
		return fmt.Sprintf("max %d", q.period)
	}
	high, low := bits.Mul64(second, q.period)
	n, _ := bits.Div64(high, low, 1000000)
	return fmt.Sprintf("%d %d", max(n, leastQuota), q.period)
}

const (
	cpuMax     = "cpu.max"
	leastQuota = 1000 // that the kernel takes
)

// round rounds quotas as systemd does, so that nothing changes when it reads its units anew.
func round(p *limits.Plan) {
	for i := range p.Writes {
		w := &p.Writes[i]
		if q, ok := parseQuota(w.Value, p.Read); ok && w.File == cpuMax && q.runtime >= leastQuota {
			w.Value = q.String()
		}
	}
}

// ioWeight reads "default WEIGHT", "WEIGHT" or "MAJOR:MINOR WEIGHT".
func (s *settings) ioWeight(value string, convert func(uint64) uint64) {
	device, text, two := strings.Cut(value, " ")
	if !two {
		device, text = "default", value
	}
	n, err := strconv.ParseUint(text, 10, 64)
	switch {
	case err != nil:
	case device == "default":
		s.set("IOWeight", bus.Uint64(convert(n)))
	default:
		s.device("IODeviceWeight", device, convert(n))
	}
}

// fromBFQ is the weight of which systemd makes this one for io.bfq.weight: BFQ_WEIGHT of its
// src/core/cgroup.c. They are the same up to the default, 100, and then 1000 stands for 10000.
func fromBFQ(weight uint64) uint64 {
	if weight <= 100 {
		return weight
	}
	return 100 + (weight-100)*11
}

// throttle reads "MAJOR:MINOR rbps=N wbps=N riops=N wiops=N", of which some may be missing.
func (s *settings) throttle(value string) {
	device, pairs, _ := strings.Cut(value, " ")
	for pair := range strings.FieldsSeq(pairs) {
		key, text, _ := strings.Cut(pair, "=")
		name := map[string]string{
			"rbps": "IOReadBandwidthMax", "wbps": "IOWriteBandwidthMax",
			"riops": "IOReadIOPSMax", "wiops": "IOWriteIOPSMax",
		}[key]
		if n, ok := parseNumber(text); ok && name != "" {
			s.device(name, device, n)
		}
	}
}

// device adds the value of one device, which systemd knows by a path.
func (s *settings) device(name, device string, n uint64) {
	a := s.devices[name]
	a.Of = "(st)"
	a.Values = append(a.Values, bus.Struct{bus.String(s.node(device)), bus.Uint64(n)})
	s.devices[name] = a
	s.set(name, a)
}

// bitmap makes a list of numbers and ranges, cpuset(7), into one bit for each, the lowest first.
func (s *settings) bitmap(name, list string) {
	numbers, err := cgroupfs.ParseList(list)
	if err != nil {
		return
	}
	var b []byte
	for _, n := range numbers {
		for len(b) <= int(n)/8 {
			b = append(b, 0)
		}
		b[n/8] |= 1 << (n % 8)
	}
	s.set(name, bus.Bytes(b))
}

// deviceNode is the node of a block device by which systemd finds it: there need not be a link for
// its numbers in /dev/block, which udev makes.
func deviceNode(device string) string {
	if to, err := os.Readlink("/sys/dev/block/" + device); err == nil {
		return "/dev/" + strings.ReplaceAll(filepath.Base(to), "!", "/")
	}
	return "/dev/block/" + device
}
