package cgroupfs

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// KillTimeout bounds a kill with SIGKILL: a process in an uninterruptible wait
// does not end.
const KillTimeout = 10 * time.Second

// A Killing ends all processes of a cgroup by signals.
type Killing struct {
	Cgroup        string                       // what errors name
	Occupants     func() ([]int, error)        // all of its processes, sorted
	StartFreezing func() error                 // does not wait until they are
	Release       func() (was bool, err error) // lets what is frozen end, and reports whether anything was
}

// releaseEvery is how long the end of a process is waited for before what is frozen is released
// again.
const releaseEvery = 200 * time.Millisecond

// Kill sends the signal to every process but the caller. With SIGKILL it goes on until there are
// none left, at most [KillTimeout].
func (k *Killing) Kill(sig unix.Signal) error {
	if sig != unix.SIGKILL {
		_, last, err := k.signal(sig)
		closeAll(last)
		return err
	}
	deadline := time.Now().Add(KillTimeout)
	for wait := NewBackoff(100 * time.Microsecond); ; wait.Sleep() {
		found, last, err := k.signal(sig)
		if err != nil { // there may be no descriptor left to thaw with
			closeAll(last)
			last = nil
		}
		if found > 0 {
			// Even after an error nothing may be left frozen.
			_, e := k.Release()
			err = errors.Join(err, e)
		}
		if err == nil {
			err = k.waitAll(last, deadline)
		}
		closeAll(last)
		if err != nil || found == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("killing the processes of %s: %d of them did not end in %v", k.Cgroup, found, KillTimeout)
		}
	}
}

// signal sends the signal once to every process that it finds, and returns how
// many those were and the last ones, whose descriptors are open.
//
// Before SIGKILL they are frozen, without waiting for it, so that they cannot fork
// faster than they are found; the caller thaws thek.
func (k *Killing) signal(sig unix.Signal) (found int, last []process, err error) {
	pids, err := k.Occupants()
	caller, inside := slices.BinarySearch(pids, os.Getpid())
	if inside {
		pids = slices.Delete(pids, caller, caller+1)
	}
	if err != nil || len(pids) == 0 {
		return 0, nil, err
	}
	found = len(pids)
	if sig == unix.SIGKILL && found > 1 && !inside {
		if err := k.StartFreezing(); err != nil {
			return found, nil, err
		}
	}
	for size := MaxOpen; len(pids) > 0; {
		batch := pids[:min(size, len(pids))]
		closeAll(last)
		var still []int
		last, still, err = k.hold(batch)
		if size > 1 && (errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE)) {
			size /= 2
			continue
		}
		if err != nil {
			return found, last, err
		}
		pids = pids[len(batch):]
		for _, p := range last {
			// The pid may have changed hands before it was opened. If it is
			// listed even now, the descriptor is of a process of ours, or of
			// one that has ended.
			if _, ok := slices.BinarySearch(still, p.pid); !ok {
				continue
			}
			if err := kernel.Signal(p.fd, sig); err != nil {
				return found, last, fmt.Errorf("sending %s to process %d: %w", unix.SignalName(sig), p.pid, err)
			}
		}
	}
	return found, last, nil
}

// hold opens those of the processes that still exist, and lists again the processes
// in all hierarchies.
func (k *Killing) hold(pids []int) (open []process, still []int, err error) {
	if open, err = openAll(pids); err == nil {
		still, err = k.Occupants()
	}
	return open, still, err
}

// A process is held by a descriptor, so that no other can take its place.
type process struct{ pid, fd int }

// MaxOpen is how many processes are held at once.
const MaxOpen = 256

// openAll opens the processes that still exist.
func openAll(pids []int) ([]process, error) {
	all := make([]process, 0, len(pids))
	for _, pid := range pids {
		switch fd, err := unix.PidfdOpen(pid, 0); err {
		case nil:
			all = append(all, process{pid, fd})
		case unix.ESRCH:
		default:
			return all, fmt.Errorf("opening process %d: %w", pid, err)
		}
	}
	return all, nil
}

func closeAll(all []process) {
	for _, p := range all {
		unix.Close(p.fd)
	}
}

// waitAll waits until the processes have ended or the time has come. Whoever
// freezes them again meanwhile does not keep thek.
func (k *Killing) waitAll(all []process, deadline time.Time) error {
	for _, p := range all {
		for !p.ends(releaseEvery) && time.Now().Before(deadline) {
			if _, err := k.Release(); err != nil {
				return err
			}
		}
	}
	return nil
}

// ends waits for the end of a process.
func (p process) ends(timeout time.Duration) bool {
	ended, _ := kernel.Ends(p.fd, timeout)
	return ended
}
