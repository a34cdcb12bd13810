package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// ready tells the launcher that all but the execve is done.
func (c *compiler) ready() error {
	c.Label("waiting for the container to be recorded as created")
	c.sync(TagReady)
	return nil
}

// wait is where a created container stays until it is started.
func (c *compiler) wait() error {
	c.birth.Ready = len(c.Steps)
	c.Label("waiting for start")
	if c.in.Gate == GateSocket {
		c.Park()
		c.Close(nsenter.File(FileSync))
		c.Accept4(nsenter.File(FileGate), unix.SOCK_CLOEXEC).
			RepeatOn(unix.EINTR, 1<<20).RepeatOn(unix.ECONNABORTED, 1<<20)
	} else if h := c.in.Spec.Hooks; h != nil && len(h.StartContainer) > 0 {
		c.sync(TagGate)
	}
	if err := c.limitFiles(); err != nil {
		return err
	}
	c.Label("closing all descriptors but those of the process")
	c.CloseRange(uint32(3+c.in.PreserveFds), ^uint32(0), unix.CLOSE_RANGE_CLOEXEC)
	return nil
}
