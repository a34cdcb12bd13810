package check

import (
	"github.com/rung-oci/rung/nsenter"
)

// pidfds has a process send itself signal 0, which is none, by descriptor.
func (m *Machine) pidfds() []Finding {
	const name = "pidfd"
	p := attempt(name)
	pid, fd := p.Cell("pid"), p.Cell("pidfd")
	p.Getpid().Into(pid)
	p.PidfdOpen(nsenter.Value(pid), 0).Into(fd)
	p.PidfdSendSignal(nsenter.Value(fd), 0)
	return []Finding{m.tried(p, name, "pidfd_open, pidfd_send_signal", fail,
		"rung holds processes by pidfd: use Linux 5.14 or newer, and no seccomp filter that forbids the call")}
}
