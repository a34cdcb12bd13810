package v2

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/cgroups/limits"
	"github.com/rung-oci/rung/internal/kernel"
)

const memoryEvents = "memory.events"

// WatchOOM implements [cgroups.Manager], by inotify(7) on memory.events, which the kernel
// modifies. What is counted are processes killed in the cgroup and below it, whoever's limit
// it was.
func (m *Manager) WatchOOM() (cgroups.OOMWatch, error) {
	dir, err := m.dir.Open()
	if err != nil {
		return nil, err
	}
	events, err := cgroupfs.Open(dir, memoryEvents, unix.O_RDONLY)
	if errors.Is(err, unix.ENOENT) { // without the controller
		return cgroups.NoOOMWatch{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s/%s: %w", m.dir.Path, memoryEvents, err)
	}
	w := &oomWatch{events: kernel.Own(events)}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err == nil {
		w.inotify = kernel.Own(fd)
		_, err = unix.InotifyAddWatch(fd, fmt.Sprintf("/proc/self/fd/%d", events), unix.IN_MODIFY)
	}
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("watching %s/%s: %w", m.dir.Path, memoryEvents, err)
	}
	w.killed, _ = w.count()
	return w, nil
}

// An oomWatch watches memory.events.
type oomWatch struct {
	inotify, events kernel.Fd
	killed          uint64 // that were told of
}

func (w *oomWatch) Fd() int { return w.inotify.Int() }

// RanOut takes the events and compares the counter: the limit's being reached without a
// kill is an event, too.
func (w *oomWatch) RanOut() bool {
	var buf [4 << 10]byte
	if n, err := unix.Read(w.inotify.Int(), buf[:]); n <= 0 || err != nil {
		return false
	}
	killed, ok := w.count()
	more := ok && killed > w.killed
	w.killed = max(killed, w.killed)
	return more
}

// count reads how many were killed; it fails once the cgroup is removed.
func (w *oomWatch) count() (killed uint64, ok bool) {
	var buf [1 << 10]byte
	n, err := unix.Pread(w.events.Int(), buf[:], 0)
	if err != nil {
		return 0, false
	}
	_, number, _ := strings.Cut(limits.Line(string(buf[:n]), "oom_kill", ""), " ")
	killed, err = strconv.ParseUint(number, 10, 64)
	return killed, err == nil
}

func (w *oomWatch) Close() {
	w.inotify.Close()
	w.events.Close()
}
