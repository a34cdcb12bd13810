package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/hooks"
	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/libcontainer/terminal"
)

// Run creates and starts a container. In the foreground it waits for the
// process, whose status it returns (128 and the signal that ended it), and
// deletes the container.
func (r *Runtime) Run(o CreateOptions) (int, error) {
	signals := make(chan os.Signal, 64)
	if !o.Detach {
		signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
		defer signal.Stop(signals)
	}
	c, err := r.create(o, GateSync)
	if err != nil {
		return 0, err
	}
	if err := c.start(); err != nil {
		return 0, c.abort(err)
	}
	defer c.release()
	if o.Detach {
		return 0, nil
	}
	if c.master >= 0 {
		if c.relay, err = terminal.NewRelay(c.master, 0, 1); err != nil {
			return 0, c.abort(err)
		}
	}
	r.at("waiting for the process to end")
	if endsWithin(c.pidfd, settleTime) {
		status, err := c.finish()
		if err == nil && !o.Keep {
			r.at("deleting the container")
			err = r.destroy(c.container, c.spec)
		}
		return status, err
	}
	c.dir.Close() // other commands may work on the container while it runs
	status, err := c.follow(signals)
	if err == nil && !o.Keep {
		err = r.deleteEnded(c)
	}
	return status, err
}

// deleteEnded deletes the container, unless somebody else did.
func (r *Runtime) deleteEnded(ended *creation) error {
	r.at("deleting the container")
	c, err := r.open(ended.o.ID, true)
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
	return r.destroy(c, ended.spec)
}

// start goes on with the program to the execve.
func (c *creation) start() error {
	if h := c.spec.Hooks; h != nil && len(h.StartContainer) > 0 {
		if err := c.answer(); err != nil {
			return err
		}
		if err := c.converse(TagGate); err != nil {
			return err
		}
		c.r.at("running the startContainer hooks")
		if err := c.r.runHooks(c.container, hooks.StartContainer, h.StartContainer, c.hookState(specs.StateCreated), c.spec, c.pidfd); err != nil {
			return err
		}
	}
	c.r.at("opening the gate")
	if err := c.answer(); err != nil {
		return err
	}
	if err := c.waitExecuted(); err != nil {
		return err
	}
	return c.r.poststart(c.container, c.spec, c.pidfd)
}

// waitExecuted waits until the execve closed the other end of the conversation.
func (c *creation) waitExecuted() error {
	buf := make([]byte, 1)
	for {
		n, err := unix.Read(c.socket, buf)
		if err == unix.EINTR {
			continue
		}
		if n > 0 {
			return fmt.Errorf("the first process sent %q instead of executing", buf[0])
		}
		if err := c.birth.Program.Failure(c.readReport()); err != nil {
			return startError(hinted(err))
		}
		if c.r.Timeline != nil {
			c.r.Timeline.Executed()
		}
		return nil
	}
}

// follow passes on signals until the process ends.
func (c *creation) follow(signals chan os.Signal) (int, error) {
	signal.Notify(signals)
	stop := make(chan struct{})
	defer close(stop)
	go c.forward(signals, stop)
	go c.r.tellReady(c.notify, c.pid, c.pidfd)
	return c.finish()
}

// finish waits for the end of the process and of what its terminal passes on.
func (c *creation) finish() (int, error) {
	status := reap(c.pid)
	c.pid, c.child = 0, nil
	if c.relay != nil {
		if err := c.relay.Close(); err != nil {
			c.r.Log.Warnf("terminal: %v", err)
		}
	}
	if status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return status.ExitStatus(), nil
}

// settleTime is how long a process has to run before all signals are passed on
// to it, in milliseconds. Asking the Go runtime for one costs two switches
// between threads, and for all of them as much as half of a short container's
// life. What is sent until then waits if it is one that Run asked for at once, and is
// ignored if not.
const settleTime = 2

func endsWithin(pidfd, milliseconds int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, milliseconds)
	return n > 0 && err == nil
}

// forward passes signals on to the first process. SIGCHLD is about children of
// this process, SIGURG belongs to the Go runtime, and the terminal's size is the
// relay's.
func (c *creation) forward(signals chan os.Signal, stop chan struct{}) {
	pidfd := c.pidfd
	for {
		select {
		case <-stop:
			return
		case s := <-signals:
			sig, ok := s.(unix.Signal)
			if !ok || sig == unix.SIGCHLD || sig == unix.SIGURG || sig == unix.SIGWINCH || sig == unix.SIGPIPE {
				continue
			}
			if err := unix.PidfdSendSignal(pidfd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
				c.r.Log.Warnf("passing on signal %d: %v", int(sig), err)
			}
		}
	}
}

// Plan compiles the birth program of a bundle, and does nothing with it.
func (r *Runtime) Plan(o CreateOptions) (*Birth, error) {
	s, _, err := r.loadBundle(o.Bundle, o.Config)
	if err != nil {
		return nil, err
	}
	c := &creation{r: r, o: o, spec: s}
	if err := c.compile(GateSocket); err != nil {
		return nil, err
	}
	return c.birth, nil
}
