package namespaces

import (
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/spec"
)

// A Namespace is one by its file in /proc/PID/ns and by what identifies it.
type Namespace struct {
	file string
	ino  uint64
}

// A Set is some namespaces, by which processes can be told from others.
type Set []Namespace

// Of returns the namespace of a type that a process is in, a pid or "self". There is
// none if the process has ended.
func Of(process string, t specs.LinuxNamespaceType) (Namespace, bool) {
	return of(process, spec.NamespaceByType(t).File)
}

func of(process, file string) (Namespace, bool) {
	var st unix.Stat_t
	if unix.Stat("/proc/"+process+"/ns/"+file, &st) != nil {
		return Namespace{}, false
	}
	return Namespace{file, st.Ino}, true
}

// Processes returns the processes that are in one of the namespaces, sorted.
func (s Set) Processes() (pids []int, err error) {
	if len(s) == 0 {
		return nil, nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing the processes: %w", err)
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && s.have(pid) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// have reports whether a process is in one of the namespaces.
func (s Set) have(pid int) bool {
	return slices.ContainsFunc(s, func(own Namespace) bool {
		its, ok := of(strconv.Itoa(pid), own.file)
		return ok && its == own
	})
}

// maxOpen is how many processes are held at once.
const maxOpen = 256

// Signal sends a signal to the processes that are in one of the namespaces, and
// returns pidfds of the last ones: as many as may be open.
func (s Set) Signal(pids []int, sig unix.Signal) (last []int, err error) {
	for _, pid := range pids {
		if len(last) == maxOpen {
			closeAll(last)
			last = last[:0]
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if (err == unix.EMFILE || err == unix.ENFILE) && len(last) > 0 {
			closeAll(last)
			last = last[:0]
			fd, err = unix.PidfdOpen(pid, 0)
		}
		if err == unix.ESRCH {
			continue
		}
		if err != nil {
			return last, fmt.Errorf("opening process %d: %w", pid, err)
		}
		// The pid may have changed hands before it was opened.
		if !s.have(pid) {
			unix.Close(fd)
			continue
		}
		last = append(last, fd)
		if err := kernel.Signal(fd, sig); err != nil {
			return last, fmt.Errorf("sending signal %d to process %d: %w", int(sig), pid, err)
		}
	}
	return last, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
