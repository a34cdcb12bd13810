package libcontainer

import (
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/agent"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/failure"
	"github.com/rung-oci/rung/libcontainer/interrupt"
	"github.com/rung-oci/rung/libcontainer/launch"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/libcontainer/userns"
	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// joining is how a process enters the namespaces of a container.
type joining struct {
	init       int // pidfd of the container's first process
	pid        int
	namespaces uint64                 // CLONE_NEW* flags of those that are not this process's own
	users      []specs.LinuxIDMapping // of the user namespace among them, as this process sees them
	noGroups   bool                   // setgroups(2) is denied in it
}

// joining compares the first process's namespaces with this process's: setns
// by pidfd fails as a whole for one that is the caller's already.
func (c *container) joining(init int) (joining, error) {
	j := joining{init: init, pid: c.record.Init.Pid}
	own, err := openNamespaceDir("self")
	if err != nil {
		return j, err
	}
	defer unix.Close(own)
	its, err := openNamespaceDir(strconv.Itoa(j.pid))
	if err != nil {
		return j, err
	}
	defer unix.Close(its)
	for _, ns := range spec.Namespaces() {
		var a, b [64]byte
		n, err := unix.Readlinkat(own, ns.File, a[:])
		if err == unix.ENOENT { // the kernel was built without it
			continue
		}
		if err != nil {
			return j, fmt.Errorf("namespace %s of this process: %w", ns.File, err)
		}
		m, err := unix.Readlinkat(its, ns.File, b[:])
		if err != nil {
			return j, fmt.Errorf("namespace %s of the container: %w", ns.File, err)
		}
		if string(a[:n]) != string(b[:m]) {
			j.namespaces |= ns.Flag
		}
	}
	if j.namespaces&unix.CLONE_NEWUSER != 0 {
		if j.users, err = userns.ReadMap(j.pid, "uid_map"); err != nil {
			return j, fmt.Errorf("user namespace of the container: %w", err)
		}
		j.noGroups = userns.DeniesGroups(strconv.Itoa(j.pid))
	}
	// As long as it lives the pid was its: those of another process would let ours
	// stay outside.
	if process.EndsWithin(init, 0) {
		return j, fmt.Errorf("namespaces of the container: %w", errInitEnded)
	}
	return j, nil
}

func openNamespaceDir(process string) (int, error) {
	path := "/proc/" + process + "/ns"
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return fd, kernel.Failed(path, err)
}

// entrant is a process that is to join a container, and is not waited for longer than the
// container's first process lives. files are its descriptors besides init, the pidfd of that.
func (r *Runtime) entrant(p *nsenter.Program, init int, files map[string]int,
	watch *interrupt.Interruption) *launch.Process {
	e := r.newProcess("the process", p, map[string]int{birth.FileInit: init})
	maps.Copy(e.Files, files)
	e.Watch = []launch.Watch{endOf(init), watch}
	return e
}

// newAgent is for a further process, in the state in which the container is.
func (c *container) newAgent(s *specs.Spec, f *seccomp.Filter, status specs.ContainerState) *agent.Handover {
	if s.Linux == nil {
		return nil
	}
	return agent.New(s.Linux.Seccomp, f, c.hookState(status))
}

// readyForAgent sends the agent the listener that the program has sent. Nothing else is done for the process any more:
// others may see it.
func readyForAgent(p *launch.Process) error {
	if p.Agent == nil {
		return nil
	}
	delete(p.Serve, birth.TagTerminal)
	err := p.Agent.Send(p.Pid)
	p.Agent.Go()
	return err
}

// detour lets a process of the cgroup clone where that is full. It is over when done is
// called, after the end of the process.
func (r *Runtime) detour(p *launch.Process, m cgroups.Manager) (done func()) {
	d := new(cgroups.Detour)
	p.Detour = func(pid int) (func(child int) error, error) {
		made, err := m.Detour(pid)
		if err != nil {
			return nil, fmt.Errorf("cloning the process: %w: %w", unix.EAGAIN, err)
		}
		d = made
		return d.Return, nil
	}
	return func() {
		if err := d.Close(); err != nil {
			r.Log.Warnf("%v", err)
		}
	}
}

// enter follows an entrant to its execve. The end of the first process is a part of the error,
// if there is one: it is why, mostly.
func enter(e *launch.Process, init int) error {
	err := failure.OfStep(e.Execute())
	if err != nil && process.EndsWithin(init, 0) {
		return endOf(init).Err(err)
	}
	return err
}

// endOf is the end of the first process with this pidfd.
type endOf int

func (init endOf) Fd() int { return int(init) }

func (endOf) Err(cause error) error {
	if errors.Is(cause, errInitEnded) {
		return cause
	}
	return errors.Join(errInitEnded, cause)
}

var errInitEnded = errors.New("the container's first process has ended")
