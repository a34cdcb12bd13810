package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/hooks"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/store"
)

// Delete removes a stopped container. With force it ends whatever runs of it,
// takes whatever is left of one that was half created or half deleted, and is
// content if there is none.
func (r *Runtime) Delete(id string, force bool) error {
	if force {
		r.interrupt(id)
	}
	c, err := r.open(id, true)
	if errors.Is(err, store.ErrNotExist) && force {
		return r.Store.Sweep(id)
	}
	if err != nil {
		return err
	}
	defer c.close()
	if !force {
		status, err := c.status()
		if err != nil {
			return err
		}
		if status != store.Stopped {
			return fmt.Errorf("cannot delete container %s that is not stopped: %s", id, status)
		}
	}
	config, err := c.config()
	if err != nil && !(errors.Is(err, fs.ErrNotExist) && c.record.Phase == store.PhaseCreating) { // its creator was killed before it was saved
		if !force {
			return err
		}
		r.Log.Warnf("container %s: its poststop hooks cannot run: %v", id, err)
	}
	return r.destroy(c, config)
}

// interrupt kills the first process without waiting for the lock, and with it
// what may hold that: a creation, which cleans up behind itself, or hooks.
func (r *Runtime) interrupt(id string) {
	c, err := r.open(id, false)
	if err != nil {
		return // there is none, or the lock and the record will tell why not
	}
	defer c.close()
	if init, err := c.record.Init.Open(); err == nil {
		r.at("killing the first process")
		if c.needsInit() {
			_ = c.killMembers(unix.SIGKILL)
		}
		_ = unix.PidfdSendSignal(init, unix.SIGKILL, nil, 0)
		unix.Close(init)
	}
}

// destroy ends what runs of a container and removes its cgroup, runs the poststop
// hooks, and removes its directory last: whoever is interrupted here is followed
// by another delete.
func (r *Runtime) destroy(c *container, config *specs.Spec) error {
	if err := c.end(); err != nil {
		return err
	}
	r.at("removing the cgroup")
	m := c.cgroup()
	defer m.Close()
	// a process that was being born may be in some of the hierarchies only
	if pids, err := m.AllPids(); c.record.Phase == store.PhaseCreating || err == nil && len(pids) > 0 {
		if err := m.Kill(unix.SIGKILL); err != nil {
			return err
		}
	}
	if err := m.Remove(); err != nil {
		return err
	}
	if config != nil && config.Hooks != nil && len(config.Hooks.Poststop) > 0 {
		r.at("running the poststop hooks")
		state := c.hookState(specs.StateStopped)
		state.Pid = 0
		if err := r.runHooks(c, hooks.Poststop, config.Hooks.Poststop, state, config, -1); err != nil {
			r.Log.Warnf("%v", err)
		}
	}
	r.at("removing the state directory")
	return c.dir.Remove()
}

// end kills the first process, if it lives, and waits for its end.
func (c *container) end() error {
	init, err := c.record.Init.Open()
	if errors.Is(err, process.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(init)
	m := c.cgroup()
	defer m.Close()
	if frozen, _ := m.Frozen(); frozen {
		if err := unix.PidfdSendSignal(init, unix.SIGKILL, nil, 0); err != nil && err != unix.ESRCH {
			return fmt.Errorf("killing the first process: %w", err)
		}
		if err := m.Thaw(); err != nil {
			return err
		}
	}
	if c.needsInit() {
		if err := c.killMembers(unix.SIGKILL); err != nil {
			return err
		}
	}
	return c.killInit(init)
}
