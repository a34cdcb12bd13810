package libcontainer

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/agent"
	"github.com/rung-oci/rung/libcontainer/failure"
	"github.com/rung-oci/rung/libcontainer/hooks"
	"github.com/rung-oci/rung/libcontainer/notify"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/nsenter"
)

// Start lets the process of a created container execute, and returns when it
// did. If it could not, the error says why, and the container is stopped.
func (r *Runtime) Start(id string) error {
	c, err := r.open(id, true)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.expectCreated(); err != nil {
		return err
	}
	config, err := c.config()
	if err != nil {
		return err
	}
	if config.Process == nil {
		return errors.New("process: the property is missing, there is nothing to start")
	}
	init, err := c.record.Init.Open()
	if err != nil {
		return err
	}
	defer unix.Close(init)
	if h := config.Hooks; h != nil && len(h.StartContainer) > 0 {
		if err := r.runHooks(c, hooks.StartContainer, h.StartContainer, c.hookState(specs.StateCreated), config,
			init); err != nil {
			// the hook may have failed because the program did, whose step says why
			why := c.executed()
			if _, ok := errors.AsType[*failure.Step](why); ok {
				err = errors.Join(why, err)
			}
			return errors.Join(err, process.Kill(init))
		}
	}
	var proxy *notify.Proxy
	if notify.Manager() != "" {
		if proxy, err = notify.ListenIn(c.dir); err != nil {
			return err
		}
		defer proxy.Close()
	}
	r.at("opening the gate")
	supervisor, err := c.supervisor(config)
	if err != nil {
		return err
	}
	defer supervisor.Close()
	if err := c.openGate(init, supervisor); err != nil {
		return err
	}
	if err := r.poststart(c, config, init); err != nil {
		c.close()
		return errors.Join(err, r.deleteEnded(c, config))
	}
	c.close() // other commands may work on the container meanwhile
	r.awaitReady(proxy, c.record.Init.Pid, init)
	return nil
}

func (c *container) expectCreated() error {
	status, err := c.status()
	switch {
	case err != nil:
		return err
	case status == Stopped:
		return errors.Join(errors.New("cannot start a container that has stopped"), c.executed())
	case status == Creating:
		return errors.New("cannot start a container that is being created")
	case status == Paused:
		return errors.New("cannot start a container in the paused state")
	case status != Created:
		return errors.New("cannot start an already running container")
	}
	return nil
}

// openGate connects to the socket that init waits at, which is the word to go on,
// and waits until init executed its process or ended: both close the connection.
func (c *container) openGate(init int, supervisor *agent.Handover) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket to the first process: %w", err)
	}
	defer unix.Close(fd)
	switch err := unix.Connect(fd, &unix.SockaddrUnix{Name: c.dir.ProcPath(store.StartName)}); err {
	case nil:
	case unix.ECONNREFUSED:
		return errors.Join(errors.New("cannot start a container that has stopped"), c.executed())
	default:
		return fmt.Errorf("connecting to the first process: %w", err)
	}
	err = c.supervise(supervisor, init, fd)
	if err == nil {
		_, _ = kernel.Reader(fd).Read(make([]byte, 1)) // end of file, or ECONNRESET from a process that ended
	}
	if failed := c.executed(); err == nil || errors.As(failed, new(*failure.Step)) {
		err = failed
	}
	if err != nil {
		return errors.Join(err, process.Kill(init)) // whoever is told finds it stopped
	}
	return nil
}

// supervisor is for the agent about the container's first process, nil if none is asked about it.
func (c *container) supervisor(config *specs.Spec) (*agent.Handover, error) {
	if config.Linux == nil || config.Linux.Seccomp == nil || config.Linux.Seccomp.ListenerPath == "" {
		return nil, nil
	}
	kept, err := c.dir.Exec()
	if err != nil {
		return nil, err
	}
	return c.newAgent(config, kept.Filter, specs.StateCreated), nil
}

// supervise waits until a connection to the first process is closed, and sends the agent its listener, unless
// create has.
func (c *container) supervise(supervisor *agent.Handover, init, connection int) error {
	if supervisor == nil {
		return nil
	}
	page, err := unix.Openat(c.dir.Fd(), store.ReportName, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening the report page: %w", err)
	}
	defer unix.Close(page)
	supervisor.Go()
	for {
		n, err := kernel.Poll([]unix.PollFd{kernel.Readable(connection)}, supervisor.Lookout())
		if n > 0 || err != nil {
			return err
		}
		if err := supervisor.Look(page, nsenter.ReadReport(page), c.record.Init.Pid, init); err != nil {
			return err
		}
	}
}

// executed tells from the report page how the execve went.
func (c *container) executed() error {
	file, err := c.dir.ReadFile(store.ReportName)
	if err != nil {
		return fmt.Errorf("reading the report page: %w", err)
	}
	page, notes := file[:min(len(file), nsenter.ReportSize)], ""
	if len(file) > nsenter.ReportSize {
		notes = string(file[nsenter.ReportSize:])
	}
	report := nsenter.ParseReport(page)
	at := report.Failed
	if at < 0 {
		at = report.Step
	}
	e := nsenter.Noted(notes, at)
	if e == nil {
		e = &nsenter.StepError{Step: at, Purpose: nsenter.Purpose{Label: "starting the process"}}
	}
	e.Errno, e.Message = report.Errno, report.Message
	switch {
	case report.Failed >= 0:
		return failure.Start(failure.OfStep(e))
	case e.Name == "execve" || e.Name == "":
		return nil
	}
	return fmt.Errorf("%s: the first process was ended", e.Label)
}

// poststart runs the poststart hooks, which may call rung for the container: it is not
// locked meanwhile. If one fails the container is stopped (runtime.md, Lifecycle), and
// whoever called is to delete it.
func (r *Runtime) poststart(c *container, config *specs.Spec, init int) error {
	if config.Hooks == nil || len(config.Hooks.Poststart) == 0 {
		return nil
	}
	if err := c.dir.Unlock(); err != nil {
		return err
	}
	err := r.runHooks(c, hooks.Poststart, config.Hooks.Poststart, c.hookState(specs.StateRunning), config, init)
	if err != nil {
		err = errors.Join(err, process.Kill(init))
	}
	if lockErr := c.dir.Lock(lockTimeout); !errors.Is(lockErr, store.ErrNotExist) { // who deleted it knows
		err = errors.Join(err, lockErr)
	}
	return err
}

// awaitReady stays with a container that runs in the background until it says that it
// is ready, or ends. What the manager watches from then on is its process.
func (r *Runtime) awaitReady(proxy *notify.Proxy, pid, pidfd int) {
	if proxy != nil {
		r.at("waiting for the container to be ready")
		r.tellReady(proxy, pid, pidfd)
	}
}

// tellReady waits until the container says that it is ready, or ends.
func (r *Runtime) tellReady(proxy *notify.Proxy, mainPid, pidfd int) {
	if _, err := proxy.Forward(notify.Manager(), mainPid, pidfd); err != nil {
		r.Log.Warnf("telling the service manager that the container is ready: %v", err)
	}
}
