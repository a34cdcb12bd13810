package birth

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
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
		c.about("linux.personality", "setting linux.personality")
		domain := perLinux
		if c.hasLinux.Personality.Domain == specs.PerLinux32 {
			domain = perLinux32
		}
		c.Personality(domain)
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
