package libcontainer

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/process"
)

// Kill sends a signal to the container's first process, or with all to every
// process of the container. A container that is not running is an error.
func (r *Runtime) Kill(id string, sig unix.Signal, all bool) error {
	c, err := r.open(id, false)
	if err != nil {
		return err
	}
	defer c.close()
	facts, err := c.inspect()
	if err != nil {
		return err
	}
	status := facts.status()
	if status == Creating && c.record.Init.Pid == 0 {
		return errors.New("container not running: it is being created")
	}
	if status == Created && endsWaiting(sig) {
		sig = unix.SIGKILL
	}
	m := c.cgroup()
	defer m.Close()
	// without a pid namespace of its own the end of the first process ends nothing else
	if (status != Stopped || c.outlived()) && (all || sig == unix.SIGKILL && !c.record.PrivatePids) {
		pids, err := c.members(m)
		if err != nil && c.needsInit() {
			return err
		}
		if err == nil && len(pids) > 0 {
			return c.killAll(m, sig)
		}
	}
	if status == Stopped {
		if all {
			return nil
		}
		return errors.New("container not running")
	}
	init, err := c.record.Init.Open()
	if errors.Is(err, process.ErrGone) {
		return errors.New("container not running")
	} else if err != nil {
		return err
	}
	defer unix.Close(init)
	if err := unix.PidfdSendSignal(init, sig, nil, 0); err != nil {
		return fmt.Errorf("sending signal %d: %w", int(sig), err)
	}
	if sig == unix.SIGKILL {
		return release(m, init)
	}
	return nil
}

// endsWaiting reports whether a signal ends a process that waits for start. The first process
// of a pid namespace does not hear of any that it has no handler for, pid_namespaces(7), and runc's
// has one for these.
func endsWaiting(sig unix.Signal) bool {
	return sig == unix.SIGTERM || sig == unix.SIGINT || sig == unix.SIGHUP || sig == unix.SIGQUIT
}

// releaseTimeout bounds how long a process that was killed is kept from being frozen.
const releaseTimeout = 3 * time.Second

// release thaws what is frozen of a container whose first process was killed, or it
// does not end. It looks after the kill, and again until the end: a pause may be
// under way. One that begins later sees the kill. A frozen parent is not the
// container's business: the kill waits for it.
func release(m cgroups.Manager, init int) error {
	for deadline := time.Now().Add(releaseTimeout); ; {
		was, err := m.Release()
		if errors.Is(err, cgroups.ErrParentFrozen) {
			return nil
		}
		if err != nil || !was || process.EndsWithin(init, 10*time.Millisecond) || time.Now().After(deadline) {
			return err
		}
	}
}

// killAll sends a signal to all processes of the container, and with SIGKILL waits
// for their end.
func (c *container) killAll(m cgroups.Manager, sig unix.Signal) error {
	if c.hasCgroup() {
		err := m.Kill(sig)
		if errors.Is(err, cgroups.ErrParentFrozen) {
			return nil // they have the signal, and end when they are let go on
		}
		return err
	}
	return c.killMembers(sig)
}

// killMembers sends a signal to every process of a container without a cgroup, to the
// first process last: while that lives, another command finds the others. With SIGKILL
// it waits for their ends, and goes on until there are none left.
func (c *container) killMembers(sig unix.Signal) error {
	own, err := c.ownNamespaces()
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(process.EndTimeout); ; {
		pids, err := own.Processes()
		if err != nil {
			return err
		}
		if i := slices.Index(pids, c.record.Init.Pid); i >= 0 {
			pids = append(slices.Delete(pids, i, i+1), c.record.Init.Pid)
		}
		last, err := own.Signal(pids, sig)
		// One that is ending has left its namespaces before it has ended.
		for _, fd := range last {
			if err == nil && sig == unix.SIGKILL {
				err = process.WaitEnd(fd)
			}
			unix.Close(fd)
		}
		if err != nil || sig != unix.SIGKILL || len(pids) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("killing the processes of the container: processes %v do not end", pids)
		}
	}
}
