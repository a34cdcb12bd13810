package birth

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// oomScoreAdj sets process.oomScoreAdj. Who may not lower it keeps what the caller has, as
// with other runtimes: engines write one into every config.
func (c *compiler) oomScoreAdj() {
	if c.proc.OOMScoreAdj == nil {
		return
	}
	c.about(PropertyOOMScoreAdj, "setting process.oomScoreAdj")
	c.Openat(nsenter.CWD, "/proc/self/oom_score_adj", unix.O_WRONLY|unix.O_CLOEXEC, 0).Into(c.scratch)
	write := c.Write(nsenter.Value(c.scratch), fmt.Sprint(*c.proc.OOMScoreAdj))
	if own := c.in.Host.OOMScoreAdj; own != nil && *own > *c.proc.OOMScoreAdj {
		write.Ignore(unix.EACCES)
		c.warn("process.oomScoreAdj: %d is not set where it is less than this user may have, and %d stays: to "+
			"lower it takes CAP_SYS_RESOURCE", *c.proc.OOMScoreAdj, *own)
	}
	c.close(c.scratch)
}
