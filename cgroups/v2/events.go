package v2

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/internal/kernel"
)

// events is the file cgroup.events, which tells when it changes. Its lines are "NAME 0" or
// "NAME 1", of "populated" and "frozen".
type events struct {
	fd   kernel.Fd
	text string // as it was read last
}

// events opens and reads the file.
func (m *Manager) events() (*events, error) {
	dir, err := m.dir.Open()
	if err != nil {
		return nil, err
	}
	fd, err := cgroupfs.Open(dir, "cgroup.events", unix.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("opening %s/cgroup.events: %w", m.dir.Path, err)
	}
	e := &events{fd: kernel.Own(fd)}
	if err := e.read(); err != nil {
		e.fd.Close()
		return nil, err
	}
	return e, nil
}

func (e *events) read() error {
	var buf [128]byte
	n, err := kernel.RestartInt(func() (int, error) { return unix.Pread(e.fd.Int(), buf[:], 0) })
	e.text = string(buf[:max(n, 0)])
	return err
}

// has reports whether the file had the line.
func (e *events) has(line string) bool {
	for l := range strings.Lines(e.text) {
		if strings.TrimSuffix(l, "\n") == line {
			return true
		}
	}
	return false
}

// await waits until the file has the line, and reports whether it has before the deadline.
func (e *events) await(line string, deadline time.Time) (bool, error) {
	for {
		if err := e.read(); err != nil {
			return false, err
		}
		left := time.Until(deadline)
		if e.has(line) || left <= 0 {
			return e.has(line), nil
		}
		// POLLPRI comes with a change since the last read, POLLERR always: it is not asked for.
		poll := []unix.PollFd{{Fd: int32(e.fd.Int()), Events: unix.POLLPRI}}
		if _, err := kernel.Poll(poll, left); err != nil {
			return false, err
		}
	}
}
