package limits

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// The shares of the CPU that the kernel knows: MIN_SHARES and MAX_SHARES of
// kernel/sched/sched.h.
const (
	LeastShares = 2
	MostShares  = 1 << 18
)

// CPUIdle is the file of linux.resources.cpu.idle.
const CPUIdle = "cpu.idle"

// Shares plans shares and idle. While a cgroup is idle the kernel refuses shares, and
// it forgets those from before: it is to come back to the configured ones, which may be
// nil. The file holds what value makes of the shares.
func (p *Plan) Shares(c *specs.LinuxCPU, configured *uint64, file string, value func(shares uint64) string) {
	shares, isIdle := c.Shares, c.Idle != nil && p.Present(CPUIdle, 0) != 0
	if isIdle && *c.Idle == 0 && !Given(shares) {
		shares = configured
	}
	if c.Idle != nil && (*c.Idle == 0 || Given(shares) && isIdle) {
		p.Set("cpu.idle", CPUIdle, "0").Lifts = true
	}
	if Given(shares) {
		if *shares < LeastShares || *shares > MostShares {
			p.Warn("cpu.shares", "%d is taken as %d, the nearest that the kernel knows",
				*shares, min(max(*shares, LeastShares), MostShares))
		}
		p.Set("cpu.shares", file, value(*shares))
	}
	if c.Idle != nil && *c.Idle != 0 {
		p.Set("cpu.idle", CPUIdle, strconv.FormatInt(*c.Idle, 10))
	}
}
