package birth

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// A birth program sends a tag, one byte, to the launcher where it needs it to do
// something, and waits for a byte in return.
const (
	TagMaps     = 'm' // write the user namespace's maps
	TagSources  = 's' // run the sources program
	TagCopyUp   = 'c' // copy from descriptor 0 of the message to descriptor 1
	TagTerminal = 't' // take the terminal's master
	TagHooks    = 'h' // run prestart, createRuntime and createContainer hooks
	TagNetwork  = 'n' // move linux.netDevices
	TagReady    = 'r' // record the container as created; of an exec: be ready to stand for the process
	TagGate     = 'g' // GateSync: run the startContainer hooks
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
		c.Call(unix.SYS_WRITE, nsenter.File(FileSync), c.String(string(rune(tag))), nsenter.Int(1))
	} else {
		c.sendFds(tag, fds)
	}
	c.awaitAnswer()
}

func (c *compiler) awaitAnswer() {
	n := c.scratch
	c.Call(unix.SYS_READ, nsenter.File(FileSync), nsenter.Address(c.word.At(0)), nsenter.Int(1)).Into(n).RepeatOn(unix.EINTR, 1000)
	c.Expect(nsenter.Value(n), ^uint64(0), 1, unix.ECANCELED)
}

// sendFds sends a tag with descriptors (unix(7), SCM_RIGHTS), each in a control
// message of its own: a result is stored 8 bytes wide.
func (c *compiler) sendFds(tag byte, fds []nsenter.Cell) {
	const slot = 24 // CMSG_SPACE of one descriptor
	control := nsenter.Buffer(slot * len(fds))
	for i := range fds {
		b := control.Bytes[slot*i:]
		binary.NativeEndian.PutUint64(b, cmsgLen)
		binary.NativeEndian.PutUint32(b[8:], unix.SOL_SOCKET)
		binary.NativeEndian.PutUint32(b[12:], unix.SCM_RIGHTS)
		c.Call(unix.SYS_FCNTL, nsenter.Value(fds[i]), nsenter.Int(unix.F_DUPFD_CLOEXEC), nsenter.Int(0)).IntoRef(control.At(slot*i + 16))
	}
	text := &nsenter.Data{Bytes: []byte{tag}}
	iov := &nsenter.Data{Bytes: make([]byte, 16), Pointers: []nsenter.Pointer{{Offset: 0, To: text.At(0)}}}
	binary.NativeEndian.PutUint64(iov.Bytes[8:], 1)
	msg := &nsenter.Data{Bytes: make([]byte, 56), Pointers: []nsenter.Pointer{{Offset: 16, To: iov.At(0)}, {Offset: 32, To: control.At(0)}}}
	binary.NativeEndian.PutUint64(msg.Bytes[24:], 1)
	binary.NativeEndian.PutUint64(msg.Bytes[40:], uint64(len(control.Bytes)))
	c.Call(unix.SYS_SENDMSG, nsenter.File(FileSync), nsenter.Address(msg.At(0)), nsenter.Int(0))
	for i := range fds {
		c.Call(unix.SYS_CLOSE, nsenter.Load(control.At(slot*i+16)))
	}
}

// receiveFd receives one descriptor into a cell.
func (c *compiler) receiveFd(into nsenter.Cell) {
	control, text := nsenter.Buffer(24), nsenter.Buffer(8)
	iov := &nsenter.Data{Bytes: make([]byte, 16), Pointers: []nsenter.Pointer{{Offset: 0, To: text.At(0)}}}
	binary.NativeEndian.PutUint64(iov.Bytes[8:], 1)
	msg := &nsenter.Data{Bytes: make([]byte, 56), Writable: true,
		Pointers: []nsenter.Pointer{{Offset: 16, To: iov.At(0)}, {Offset: 32, To: control.At(0)}}}
	binary.NativeEndian.PutUint64(msg.Bytes[24:], 1)
	binary.NativeEndian.PutUint64(msg.Bytes[40:], uint64(len(control.Bytes)))
	c.Call(unix.SYS_RECVMSG, nsenter.File(FileSync), nsenter.Address(msg.At(0)), nsenter.Int(unix.MSG_CMSG_CLOEXEC)).Into(c.scratch).RepeatOn(unix.EINTR, 1000)
	c.Expect(nsenter.Value(c.scratch), ^uint64(0), 1, unix.ECANCELED)
	c.Expect(nsenter.Load(control.At(0)), ^uint64(0), cmsgLen, unix.ECANCELED)
	c.Call(unix.SYS_FCNTL, nsenter.Load(control.At(16)), nsenter.Int(unix.F_DUPFD_CLOEXEC), nsenter.Int(0)).Into(into)
	c.Call(unix.SYS_CLOSE, nsenter.Load(control.At(16)))
}
