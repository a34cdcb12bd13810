package birth

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func (c *compiler) scheduler(s *specs.Scheduler) error {
	policy := slices.Index(schedulerPolicies[:], s.Policy)
	if policy < 0 {
		return fmt.Errorf("unknown policy %q", s.Policy)
	}
	flags, err := schedulerFlags(s.Flags)
	if err != nil {
		return err
	}
	attr := unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: uint32(policy), Flags: flags, Nice: s.Nice, Priority: uint32(s.Priority),
		Runtime: s.Runtime, Deadline: s.Deadline, Period: s.Period,
	}
	if c.late && !isInherited(s) { // and what is cloned has no right to set it any more
		c.birth.Scheduler = &attr
		return nil
	}
	c.about("process.scheduler", "setting process.scheduler")
	c.SchedSetattr(attr)
	return nil
}

// isInherited reports whether a child has the scheduling of its parent.
func isInherited(s *specs.Scheduler) bool {
	return s.Policy != specs.SchedDeadline && !slices.Contains(s.Flags, specs.SchedFlagResetOnFork)
}

// schedulerPolicies have the numbers of their places (include/uapi/linux/sched.h).
var schedulerPolicies = [...]specs.LinuxSchedulerPolicy{
	specs.SchedOther, specs.SchedFIFO, specs.SchedRR, specs.SchedBatch, specs.SchedISO, specs.SchedIdle,
	specs.SchedDeadline,
}

// schedulerFlagBits are the flags from the lowest bit on.
var schedulerFlagBits = [...]specs.LinuxSchedulerFlag{
	specs.SchedFlagResetOnFork, specs.SchedFlagReclaim, specs.SchedFlagDLOverrun, specs.SchedFlagKeepPolicy,
	specs.SchedFlagKeepParams, specs.SchedFlagUtilClampMin, specs.SchedFlagUtilClampMax,
}

func schedulerFlags(list []specs.LinuxSchedulerFlag) (flags uint64, err error) {
	for _, f := range list {
		bit := slices.Index(schedulerFlagBits[:], f)
		if bit < 0 {
			return 0, fmt.Errorf("unknown flag %q", f)
		}
		flags |= 1 << bit
	}
	return flags, nil
}
