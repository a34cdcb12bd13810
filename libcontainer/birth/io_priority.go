package birth

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func (c *compiler) ioPriority(io *specs.LinuxIOPriority) error {
	class := 0
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
	c.about("process.ioPriority", "setting process.ioPriority")
	c.IoprioSet(class, io.Priority)
	return nil
}
