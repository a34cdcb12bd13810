package birth

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

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
