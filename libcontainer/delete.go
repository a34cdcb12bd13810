package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/hooks"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/store"
)

// Delete removes a stopped container. With force it ends whatever runs of it,
// takes whatever is left of one that was half created or half deleted, and is
// content if there is none.
func (r *Runtime) Delete(id string, force bool) error {
	if force {
		if err := r.interrupt(id); err != nil {
			return err
		}
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
		if status != Stopped {
			return fmt.Errorf("cannot delete container %s that is not stopped: %s", id, status)
		}
	}
	config, err := c.config()
	// its creator was killed before it was saved
	if err != nil && !(errors.Is(err, fs.ErrNotExist) && c.record.Phase == store.PhaseCreating) {
		if !force {
			return err
		}
		r.Log.Warnf("container %s: its poststop hooks cannot run: %v", id, err)
	}
	return r.destroy(c, config)
}

// interrupt kills the first process without waiting for the lock, and with it
// what may hold that: a creation, which cleans up behind itself, hooks, or a CRIU,
// which may hang. It fails only if others, who are not found without the first process, do not end.
func (r *Runtime) interrupt(id string) error {
	c, err := r.open(id, false)
	if err != nil {
		return nil // there is none, or the lock and the record will tell why not
	}
	defer c.close()
	if criu, err := c.record.CRIU.Open(); err == nil {
		defer func() { // when there is nothing more that it could leave stopped
			_ = kernel.Signal(criu, unix.SIGKILL)
			unix.Close(criu)
		}()
	}
	init, err := c.record.Init.Open()
	if err != nil {
		return nil
	}
	defer unix.Close(init)
	r.at("killing the first process")
	if c.needsInit() {
		if err := c.killMembers(unix.SIGKILL); err != nil {
			return err
		}
	}
	_ = kernel.Signal(init, unix.SIGKILL)
	return nil
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
	if c.outlived() {
		if err := m.Kill(unix.SIGKILL); err != nil {
			return err
		}
	}
	switch err := m.Remove(); {
	case err != nil && c.sharesCgroup(err):
		r.Log.Warnf("the cgroup stays, with processes that are not the container's: %v", err)
	case err != nil:
		return err
	}
	if config != nil && config.Hooks != nil {
		state := c.hookState(specs.StateStopped)
		state.Pid = 0
		if err := r.runHooks(c, hooks.Poststop, config.Hooks.Poststop, state, config, -1); err != nil {
			r.Log.Warnf("%v", err)
		}
	}
	r.at("removing the state directory")
	return c.dir.Remove()
}

// outlived reports whether processes of the container may have outlived its first one.
// With a pid namespace of its own the kernel has ended them all: who is in the cgroup
// then is somebody else, another container with the same path maybe. So are those that
// a machine has after it was started again.
func (c *container) outlived() bool {
	if c.record.Phase == store.PhaseCreating { // one may not be in the namespace yet
		return true
	}
	if c.record.PrivatePids {
		return false
	}
	boot, err := process.BootID()
	return err != nil || boot == c.record.Init.BootID
}

// sharesCgroup reports whether the cgroup could not be removed because of somebody
// else's processes.
func (c *container) sharesCgroup(err error) bool { return !c.outlived() && errors.Is(err, unix.EBUSY) }

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
	if c.needsInit() {
		if err := c.killMembers(unix.SIGKILL); err != nil {
			return err
		}
	}
	if err := process.SendKill(init); err != nil {
		return err
	}
	_, err = m.Release() // what is frozen, even below the container's cgroup, does not end
	if errors.Is(err, cgroups.ErrParentFrozen) {
		return err
	}
	if e := process.WaitEnd(init); e != nil {
		return errors.Join(e, err)
	}
	return nil
}
