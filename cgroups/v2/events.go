package v2

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/internal/kernel"
)

// events is the file cgroup.events, which tells when it changes. Its lines are "NAME 0" or
// "NAME 1", of "populated" and "frozen".
type events struct{ fd kernel.Fd }

func (m *Manager) events() (events, error) {
	dir, err := m.dir.Open()
	if err != nil {
		return events{}, err
	}
	fd, err := cgroupfs.Open(dir, "cgroup.events", unix.O_RDONLY)
	return events{kernel.Own(fd)}, err
}

// has reports whether the file has the line now.
func (e *events) has(line string) (bool, error) {
	var buf [128]byte
	n, err := kernel.RestartInt(func() (int, error) { return unix.Pread(e.fd.Int(), buf[:], 0) })
	for l := range strings.Lines(string(buf[:max(n, 0)])) {
		if strings.TrimSuffix(l, "\n") == line {
			return true, nil
		}
	}
	return false, err
}

// await waits until the file has the line, and reports whether it has before the deadline.
func (e *events) await(line string, deadline time.Time) (bool, error) {
	for {
		has, err := e.has(line)
		left := time.Until(deadline)
		if has || err != nil || left <= 0 {
			return has, err
		}
		// POLLPRI comes with a change since the last read, POLLERR always: it is not asked for.
		poll := []unix.PollFd{{Fd: int32(e.fd.Int()), Events: unix.POLLPRI}}
		if _, err := kernel.Poll(poll, left); err != nil {
			return false, err
		}
	}
}
