package check

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// pidfds has a process send itself signal 0, which is none, by descriptor.
func (m *Machine) pidfds() []Finding {
	const name = "pidfd"
	p := attempt(name)
	pid, fd := p.Cell("pid"), p.Cell("pidfd")
	p.Call(unix.SYS_GETPID).Into(pid)
	p.Call(unix.SYS_PIDFD_OPEN, nsenter.Value(pid), nsenter.Int(0)).Into(fd)
	p.Call(unix.SYS_PIDFD_SEND_SIGNAL, nsenter.Value(fd), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
	if err := m.Try(p); err != nil {
		return []Finding{fail(name, err.Error(), "rung holds processes by pidfd: use Linux 5.14 or newer, and no seccomp filter that forbids the call")}
	}
	return []Finding{ok(name, "pidfd_open, pidfd_send_signal")}
}
