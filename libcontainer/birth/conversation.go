package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// Names of the launcher's descriptors in a birth program.
const (
	FileReport    = "report page"
	FileSync      = "launcher"
	FileGate      = "start.sock"
	FileCgroup    = "cgroup " // followed by the hierarchy's name
	FileNamespace = "ns "     // followed by the namespace's type
)

// sync sends a tag and waits for the answer; a launcher that is gone or will
// not go on closes its end, which fails the step. Descriptors go with the tag.
func (c *compiler) sync(tag byte, fds ...nsenter.Cell) {
	if len(fds) == 0 {
		c.Write(c.socket, string(rune(tag)))
	} else {
		c.SendFds(c.socket, tag, fds...)
	}
	c.awaitAnswer()
}

func (c *compiler) awaitAnswer() {
	n := c.scratch
	c.Read(c.socket, c.word.At(0), 1).Into(n).RepeatOn(unix.EINTR, 1000)
	c.Expect(nsenter.Value(n), ^uint64(0), 1, unix.ECANCELED)
}

// receiveFd receives one descriptor into a cell.
func (c *compiler) receiveFd(into nsenter.Cell) {
	c.ReceiveFd(c.socket, c.scratch, into)
}
