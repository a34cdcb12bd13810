package v1

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/limits"
)

const (
	cpuShares       = "cpu.shares"
	cpuQuota        = "cpu.cfs_quota_us"
	cpuPeriod       = "cpu.cfs_period_us"
	cpuBurst        = "cpu.cfs_burst_us"
	cpuIdle         = limits.CPUIdle
	realtimeRuntime = "cpu.rt_runtime_us"
	realtimePeriod  = "cpu.rt_period_us"
)

// cpu plans linux.resources.cpu (Documentation/scheduler/sched-bwc.rst,
// sched-rt-group.rst and Documentation/admin-guide/cgroup-v1/cpusets.rst).
func (p *plan) cpu(c *specs.LinuxCPU) {
	if c == nil {
		return
	}
	p.Shares(c, p.configuredShares, cpuShares, func(shares uint64) string { return fmt.Sprint(shares) })
	p.bandwidth(c)
	p.realtime(c.RealtimeRuntime, c.RealtimePeriod)
	p.Cpuset(c)
}

// bandwidth plans quota, period and burst. Between the writes the kernel compares
// quota/period with the parent's, and burst with quota.
func (p *plan) bandwidth(c *specs.LinuxCPU) {
	burst := func() { limits.SetPresent(&p.Plan, "cpu.burst", cpuBurst, c.Burst) }
	// The present burst must fit into the new quota.
	burstFirst := c.Burst != nil && limits.Given(c.Quota) && *c.Quota > 0 && p.Present(cpuBurst, 0) > *c.Quota
	if burstFirst {
		burst()
	}
	p.inOrder(setting{"cpu.quota", cpuQuota, c.Quota}, "cpu.period", cpuPeriod, c.Period)
	if !burstFirst {
		burst()
	}
}

type setting struct {
	property, file string
	value          *int64
}

// inOrder plans a budget and its period. A longer period is written first and a
// shorter one last: then the share of the time is at no moment larger than both
// the present one and the new one, and the parent's is not exceeded.
func (p *plan) inOrder(budget setting, property, file string, period *uint64) {
	longer := limits.Given(budget.value) && limits.Given(period) &&
		*period > uint64(p.Present(strings.TrimLeft(file, "./"), 0))
	if longer {
		limits.SetGiven(&p.Plan, property, file, period)
	}
	limits.SetGiven(&p.Plan, budget.property, budget.file, budget.value)
	if !longer {
		limits.SetGiven(&p.Plan, property, file, period)
	}
}

// realtime plans the budget for realtime processes. A new cgroup has none, so that
// those above it which have none are given the same first.
func (p *plan) realtime(runtime *int64, period *uint64) {
	above := 0
	if limits.Given(runtime) {
		for {
			have, err := p.Read("cpu", strings.Repeat("../", above+1)+realtimeRuntime)
			if err != nil || have != "0" {
				break
			}
			above++
		}
	}
	for ; above >= 0; above-- {
		up := strings.Repeat("../", above)
		budget := setting{"cpu.realtimeRuntime", up + realtimeRuntime, runtime}
		p.inOrder(budget, "cpu.realtimePeriod", up+realtimePeriod, period)
	}
}
