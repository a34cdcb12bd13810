package libcontainer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/store"
)

// Kill sends a signal to the container's first process, or with all to every
// process of the container. A container that is not running is an error.
func (r *Runtime) Kill(id string, sig unix.Signal, all bool) error {
	c, err := r.open(id, false)
	if err != nil {
		return err
	}
	defer c.close()
	status, err := c.status()
	if err != nil {
		return err
	}
	if status == store.Creating && c.record.Init.Pid == 0 {
		return errors.New("container not running: it is being created")
	}
	m := c.cgroup()
	defer m.Close()
	// without a pid namespace of its own the end of the first process ends nothing else
	if (status != store.Stopped || c.outlived()) && (all || sig == unix.SIGKILL && !c.record.PrivatePids) {
		if pids, err := c.members(m); err == nil && len(pids) > 0 {
			return c.killAll(m, sig)
		}
	}
	if status == store.Stopped {
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
	if sig == unix.SIGKILL && status == store.Paused {
		return m.Thaw() // what is frozen does not end
	}
	return nil
}

// killAll sends a signal to all processes of the container, and with SIGKILL waits
// for their end.
func (c *container) killAll(m *cgroups.Manager, sig unix.Signal) error {
	if m.Any() {
		return m.Kill(sig)
	}
	return c.killMembers(sig)
}
