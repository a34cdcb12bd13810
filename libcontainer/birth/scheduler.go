package birth

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func (c *compiler) scheduler(s *specs.Scheduler) error {
	policy, err := schedulerPolicy(s.Policy)
	if err != nil {
		return err
	}
	flags, err := schedulerFlags(s.Flags)
	if err != nil {
		return err
	}
	c.about("process.scheduler", "setting process.scheduler")
	c.SchedSetattr(unix.SchedAttr{
		Policy: policy, Flags: flags, Nice: s.Nice, Priority: uint32(s.Priority),
		Runtime: s.Runtime, Deadline: s.Deadline, Period: s.Period,
	})
	return nil
}

func schedulerPolicy(p specs.LinuxSchedulerPolicy) (uint32, error) {
	switch p {
	case specs.SchedOther:
		return 0, nil
	case specs.SchedFIFO:
		return 1, nil
	case specs.SchedRR:
		return 2, nil
	case specs.SchedBatch:
		return 3, nil
	case specs.SchedISO:
		return 4, nil
	case specs.SchedIdle:
		return 5, nil
	case specs.SchedDeadline:
		return 6, nil
	}
	return 0, fmt.Errorf("unknown policy %q", p)
}

func schedulerFlags(list []specs.LinuxSchedulerFlag) (flags uint64, err error) {
	for _, f := range list {
		switch f {
		case specs.SchedFlagResetOnFork:
			flags |= 0x01
		case specs.SchedFlagReclaim:
			flags |= 0x02
		case specs.SchedFlagDLOverrun:
			flags |= 0x04
		case specs.SchedFlagKeepPolicy:
			flags |= 0x08
		case specs.SchedFlagKeepParams:
			flags |= 0x10
		case specs.SchedFlagUtilClampMin:
			flags |= 0x20
		case specs.SchedFlagUtilClampMax:
			flags |= 0x40
		default:
			return 0, fmt.Errorf("unknown flag %q", f)
		}
	}
	return flags, nil
}
