package libcontainer

import (
	"errors"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/descriptors"
	"github.com/rung-oci/rung/libcontainer/failure"
	"github.com/rung-oci/rung/libcontainer/foreground"
	"github.com/rung-oci/rung/libcontainer/hooks"
	"github.com/rung-oci/rung/libcontainer/launch"
	"github.com/rung-oci/rung/libcontainer/notify"
	"github.com/rung-oci/rung/libcontainer/store"
)

// Run creates and starts a container. In the foreground it waits for the
// process, whose status it returns (128 and the signal that ended it), and
// deletes the container. In the background it waits until the container is ready,
// if a service manager wants to be told.
func (r *Runtime) Run(o CreateOptions) (int, error) {
	if err := descriptors.CheckRoom(20); err != nil { // until it is known what a creation needs
		return 0, err
	}
	f := foreground.Process{Log: r.Log, Subreaper: !o.NoSubreaper}
	var stands *foreground.Process // for the process
	if !o.Detach {
		stands = &f
		if err := f.Catch(); err != nil {
			return 0, err
		}
		defer func() { f.CloseStreams() }()
	}
	c, err := r.create(o, birth.GateSync, stands)
	if err != nil {
		return 0, err
	}
	if err := c.start(); err != nil {
		return 0, c.abort(err)
	}
	defer c.release()
	if o.Detach {
		c.dir.Close() // other commands may work on the container meanwhile
		r.awaitReady(c.notify, c.first.Pid, c.first.Pidfd.Int())
		return 0, nil
	}
	return c.attend(&f)
}

// attend stays with a container in the foreground: it waits for the end of the
// process, and deletes the container.
func (c *creation) attend(f *foreground.Process) (status int, err error) {
	r, pidfd := c.r, c.first.Pidfd.Int()
	if err := f.Attach(c.first.Pid, pidfd, c.master); err != nil {
		return 0, c.abort(err)
	}
	c.first.Pid = 0 // which f waits for
	r.at("waiting for the process to end")
	if f.Settle() {
		r.attendNotify(c.notify, pidfd) // it may have said that it is ready
		status := f.Finish()
		if !c.o.Keep {
			r.at("deleting the container")
			err = r.destroy(c.container, c.spec)
		}
		return status, err
	}
	c.dir.Close() // other commands may work on the container while it runs
	told := make(chan struct{})
	go func() {
		defer close(told)
		r.attendNotify(c.notify, pidfd)
	}()
	status = f.Follow()
	<-told // which the end of the process ended
	if !c.o.Keep {
		err = r.deleteEnded(c.container, c.spec)
	}
	return status, err
}

// attendNotify stays with a container in the foreground until it ends. The manager
// goes on watching this process, which ends with the container and deletes it.
func (r *Runtime) attendNotify(proxy *notify.Proxy, pidfd int) {
	if proxy == nil {
		return
	}
	r.tellReady(proxy, os.Getpid(), pidfd)
	if err := proxy.Drain(pidfd); err != nil {
		r.Log.Warnf("reading what the container reports to the service manager: %v", err)
	}
}

// deleteEnded deletes the container, unless somebody else did.
func (r *Runtime) deleteEnded(ended *container, config *specs.Spec) error {
	r.at("deleting the container")
	c, err := r.open(ended.record.ID, true)
	if errors.Is(err, store.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.close()
	if c.record.Init != ended.record.Init {
		return nil // another one with the same name
	}
	return r.destroy(c, config)
}

// start goes on with the program to the execve.
func (c *creation) start() error {
	if h := c.spec.Hooks; h != nil && len(h.StartContainer) > 0 {
		if err := c.answer(); err != nil {
			return err
		}
		if err := c.converse(birth.TagGate); err != nil {
			return err
		}
		state, init := c.hookState(specs.StateCreated), c.first.Pidfd.Int()
		if err := c.r.runHooks(c.container, hooks.StartContainer, h.StartContainer, state, c.spec, init); err != nil {
			return err
		}
	}
	if err := c.interrupt.Err(nil); err != nil {
		return err
	}
	c.r.at("opening the gate")
	c.first.Agent.Go()
	if err := c.answer(); err != nil {
		return err
	}
	if err := c.waitExecuted(); err != nil {
		return err
	}
	return c.r.poststart(c.container, c.spec, c.first.Pidfd.Int())
}

// waitExecuted waits until the execve closed the other end of the conversation.
// A signal that comes after that is passed on.
func (c *creation) waitExecuted() error {
	if err := c.first.Converse(launch.End); err != nil {
		return err
	}
	if err := c.first.Failure(); err != nil {
		return failure.Start(failure.OfStep(err))
	}
	c.r.Timeline.Executed()
	return nil
}
