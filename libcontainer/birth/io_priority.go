package birth

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func (c *compiler) ioPriority(io *specs.LinuxIOPriority) error {
	classes := []specs.IOPriorityClass{specs.IOPRIO_CLASS_RT, specs.IOPRIO_CLASS_BE, specs.IOPRIO_CLASS_IDLE}
	class := 1 + slices.Index(classes, io.Class)
	if class == 0 {
		return fmt.Errorf("process.ioPriority.class: unknown class %q", io.Class)
	}
	c.about("process.ioPriority", "setting process.ioPriority")
	c.IoprioSet(class, io.Priority)
	return nil
}
