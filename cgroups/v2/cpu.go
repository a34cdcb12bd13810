package v2

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/cgroups/limits"
)

const (
	cpuWeight = "cpu.weight"
	cpuMax    = "cpu.max"
	cpuBurst  = "cpu.max.burst"
)

// cpu plans linux.resources.cpu.
func (p *plan) cpu(c *specs.LinuxCPU) {
	if c == nil {
		return
	}
	configured := (*uint64)(nil)
	if p.present.CPU != nil {
		configured = p.present.CPU.Shares
	}
	p.Shares(c, configured, cpuWeight, func(shares uint64) string { return strconv.FormatUint(weight(shares), 10) })
	p.bandwidth(c)
	const noRealtime = "cgroup v2 does not limit the time of realtime processes"
	p.ignored(limits.Given(c.RealtimeRuntime), "cpu.realtimeRuntime", noRealtime)
	p.ignored(limits.Given(c.RealtimePeriod), "cpu.realtimePeriod", noRealtime)
	p.cpuset(c)
}

// weight converts shares: the quadratic function of their logarithm, whose base does not
// matter for the rest, that maps 2 to 1, 1024 to 100 and 262144 to 10000, the least, the
// default and the most of both. The peers have it since 2025, and Kubernetes relies on it
// (https://github.com/kubernetes/kubernetes/issues/131216): the linear one that the
// specification was written with takes 1024 to 39, behind all that is outside of containers.
func weight(shares uint64) uint64 {
	switch {
	case shares <= limits.LeastShares:
		return 1
	case shares >= limits.MostShares:
		return 10000
	}
	l := math.Log2(float64(shares))
	exact := math.Pow(10, (l*l+125*l)/612-7.0/34)
	return uint64(math.Ceil(exact - 1e-9)) // 100 is meant to be exact
}

// bandwidth plans quota, period and burst. The kernel compares the burst with the quota
// at each write.
func (p *plan) bandwidth(c *specs.LinuxCPU) {
	burst := func() {
		if c.Burst != nil {
			p.Set("cpu.burst", cpuBurst, strconv.FormatUint(*c.Burst, 10)).Lifts = *c.Burst == 0
		}
	}
	// The present burst must fit into the new quota.
	burstFirst := p.inUse && c.Burst != nil && limits.Given(c.Quota) && *c.Quota > 0 &&
		p.Present(cpuBurst, 0) > *c.Quota
	if burstFirst {
		burst()
	}
	p.quota(c.Quota, c.Period)
	if !burstFirst {
		burst()
	}
}

// quota plans "QUOTA PERIOD". The kernel keeps the period if only the quota is written;
// the quota has to be written with a period.
func (p *plan) quota(quota *int64, period *uint64) {
	property, value := "cpu.quota", "max"
	switch {
	case limits.Given(quota):
		value = size(*quota)
	case limits.Given(period):
		property = "cpu.period"
		if now, err := p.Read("cpu", cpuMax); err == nil {
			value, _, _ = strings.Cut(now, " ")
		}
	default:
		return
	}
	if limits.Given(period) {
		value = fmt.Sprintf("%s %d", value, *period)
	}
	p.Set(property, cpuMax, value).Lifts = value == "max"
}

// cpuset plans the CPUs and memory nodes. Those that the parent does not have the kernel
// leaves out, and takes all of the parent's if none is left.
func (p *plan) cpuset(c *specs.LinuxCPU) {
	first := len(p.Writes)
	p.Cpuset(c)
	for i := range p.Writes[first:] {
		w := &p.Writes[first+i]
		w.Verify = effective(w.File, w.Value)
	}
}

// effective looks whether all that a list names can be used.
func effective(file, list string) func(read func(file string) (string, error)) string {
	return func(read func(file string) (string, error)) string {
		usable, err := read(file + ".effective")
		if err != nil {
			return ""
		}
		want, err1 := cgroupfs.ParseList(list)
		have, err2 := cgroupfs.ParseList(usable)
		outside := func(n uint16) bool { return !slices.Contains(have, n) }
		if err1 != nil || err2 != nil || !slices.ContainsFunc(want, outside) {
			return ""
		}
		why := fmt.Sprintf("of %q only %q can be used now", list, usable)
		if parents, err := read("../" + file + ".effective"); err == nil {
			why += fmt.Sprintf(": the parent's %s.effective is %q", file, parents)
		}
		return why
	}
}
