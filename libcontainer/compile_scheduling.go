package libcontainer

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// The execution domains of personality(2) (include/uapi/linux/personality.h).
const (
	perLinux   = 0
	perLinux32 = 8
)

// tuning sets what the scheduler and the memory management know of the process.
func (c *compiler) tuning() error {
	c.affinity()
	return c.policies()
}

func (c *compiler) policies() error {
	if c.hasLinux.Personality != nil {
		c.Label("setting linux.personality")
		domain := perLinux
		if c.hasLinux.Personality.Domain == specs.PerLinux32 {
			domain = perLinux32
		}
		c.Call(unix.SYS_PERSONALITY, nsenter.Int(domain))
	}
	if p := c.hasLinux.MemoryPolicy; p != nil {
		if err := c.memoryPolicy(p); err != nil {
			return fmt.Errorf("linux.memoryPolicy: %w", err)
		}
	}
	if s := c.proc.Scheduler; s != nil {
		if err := c.scheduler(s); err != nil {
			return fmt.Errorf("process.scheduler: %w", err)
		}
	}
	if io := c.proc.IOPriority; io != nil {
		return c.ioPriority(io)
	}
	return nil
}

// affinity undoes a restriction that the caller of rung lives under: the
// container's cpuset is what counts.
func (c *compiler) affinity() {
	all := slices.Repeat([]byte{0xff}, maxCPUs/8)
	c.Label("allowing all CPUs of the cgroup")
	c.Call(unix.SYS_SCHED_SETAFFINITY, nsenter.Int(0), nsenter.Int(len(all)), nsenter.Bytes(all)).Ignore(nsenter.AnyErrno)
}

// maxCPUs is the greatest number of CPUs that Linux can be built for (CONFIG_NR_CPUS).
const maxCPUs = 8192

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

func (c *compiler) ioPriority(io *specs.LinuxIOPriority) error {
	class := uint64(0)
	switch io.Class {
	case specs.IOPRIO_CLASS_RT:
		class = 1
	case specs.IOPRIO_CLASS_BE:
		class = 2
	case specs.IOPRIO_CLASS_IDLE:
		class = 3
	default:
		return fmt.Errorf("process.ioPriority.class: unknown class %q", io.Class)
	}
	const whoProcess, classShift = 1, 13
	c.Label("setting process.ioPriority")
	c.Call(unix.SYS_IOPRIO_SET, nsenter.Int(whoProcess), nsenter.Int(0), nsenter.Int(class<<classShift|uint64(io.Priority)))
	return nil
}
