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
	link := nsenter.File(FileSync)
	if c.in.Gate == GateSocket {
		c.Park()
		c.Close(nsenter.File(FileSync))
		start := c.Cell("start")
		c.Accept4(nsenter.File(FileGate), unix.SOCK_CLOEXEC).Into(start).
			RepeatOn(unix.EINTR, 1<<20).RepeatOn(unix.ECONNABORTED, 1<<20)
		link = nsenter.Value(start)
	} else if h := c.in.Spec.Hooks; h != nil && len(h.StartContainer) > 0 {
		c.sync(TagGate)
	}
	c.closeDescriptors(link)
	return c.limitFiles()
}

// closeDescriptors closes all that the process is not to have, before execve looks
// up what could be a path through one of them (/proc/self/fd/7/sh), except for the socket whose
// end tells the launcher, or start, that the process was executed.
func (c *compiler) closeDescriptors(link nsenter.Arg) {
	c.Label("closing all descriptors but those of the process")
	last := 3 + c.in.PreserveFds
	c.Dup3(link, last, unix.O_CLOEXEC).Ignore(unix.EINVAL) // it is there
	c.CloseRange(uint32(last), uint32(last), unix.CLOSE_RANGE_CLOEXEC)
	c.CloseRange(uint32(last+1), ^uint32(0), 0)
}
