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
	c.closeDescriptors(3+c.in.PreserveFds, &link)
	return c.limitFiles()
}

// closeDescriptors closes all from first on, which the process is not to have, before execve
// looks up what could be a path through one of them (/proc/self/fd/7/sh), except for the socket
// whose end tells the launcher, or start, that the process was executed, if there is one. That
// has another number then.
func (c *compiler) closeDescriptors(first int, link *nsenter.Arg) {
	c.Label("closing all descriptors but those of the process")
	if link != nil {
		c.Dup3(*link, first, unix.O_CLOEXEC).Ignore(unix.EINVAL) // it is there
		*link = nsenter.Int(first)
		c.CloseRange(uint32(first), uint32(first), unix.CLOSE_RANGE_CLOEXEC)
		first++
	}
	c.CloseRange(uint32(first), ^uint32(0), 0)
}
