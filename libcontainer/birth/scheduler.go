package birth

import (
	"encoding/binary"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
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
	// struct sched_attr of sched_setattr(2)
	attr := make([]byte, 48)
	binary.NativeEndian.PutUint32(attr, uint32(len(attr)))
	binary.NativeEndian.PutUint32(attr[4:], policy)
	binary.NativeEndian.PutUint64(attr[8:], flags)
	binary.NativeEndian.PutUint32(attr[16:], uint32(s.Nice))
	binary.NativeEndian.PutUint32(attr[20:], uint32(s.Priority))
	binary.NativeEndian.PutUint64(attr[24:], s.Runtime)
	binary.NativeEndian.PutUint64(attr[32:], s.Deadline)
	binary.NativeEndian.PutUint64(attr[40:], s.Period)
	c.Label("setting process.scheduler")
	c.Call(unix.SYS_SCHED_SETATTR, nsenter.Int(0), nsenter.Bytes(attr), nsenter.Int(0))
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
