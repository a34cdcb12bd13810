// Package agent is about seccomp agents: processes of the host that decide about the system calls
// for which a profile has SCMP_ACT_NOTIFY. An agent listens on linux.seccomp.listenerPath, and is sent
// there the listener of each filter, with the state of its process (config-linux.md, containerProcessState;
// seccomp_unotify(2)).
//
// It is never sent by a process of the container: by this one, with the caller's rights. It comes here in one
// of two ways. A filter that allows that has the program send it, before others see the process. Under one
// that may ask the agent about any call that this takes (write, sendmsg, read, close …) the process makes no
// call any more before its execve: it looks at its report page until the listener was taken.
package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/failure"
	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/nsenter"
)

// patience is how long an agent may take for what a start has to wait for: to accept a connection, and to
// decide about the execve, if it is asked about that.
const patience = 10 * time.Second

// A Handover brings the listener of one process's filter to the agent, once. A nil one has nothing to do.
type Handover struct {
	Path     string // of the agent's socket
	Metadata string
	State    specs.State // of the container; without a pid until the process is known

	decides  bool // the agent, about the execve
	listener kernel.Fd
	sent     bool
	deadline time.Time // of the execve; zero: none
}

// New is nil if the filter has no listener.
func New(profile *specs.LinuxSeccomp, f *seccomp.Filter, state specs.State) *Handover {
	if !f.Listens() || profile == nil {
		return nil
	}
	path := profile.ListenerPath
	if !filepath.IsAbs(path) {
		path = filepath.Join(state.Bundle, path)
	}
	return &Handover{Path: path, Metadata: profile.ListenerMetadata, State: state,
		decides: !f.Allows(unix.SYS_EXECVE, make([]seccomp.Word, 6)...)}
}

// Check finds out whether there is a socket for the agent, without a connection, of which each is for one state.
func (h *Handover) Check() error {
	if h == nil {
		return nil
	}
	info, err := os.Stat(h.Path)
	if err == nil && info.Mode().Type() != os.ModeSocket {
		err = fmt.Errorf("%s is no socket", h.Path)
	}
	return h.explained(err)
}

func (h *Handover) explained(err error) error {
	if err == nil {
		return nil
	}
	return failure.Advise(fmt.Errorf("linux.seccomp.listenerPath: %w", err),
		"the profile has SCMP_ACT_NOTIFY: an agent has to listen there, which answers what the kernel asks it")
}

// Keep takes the listener that a program has sent.
func (h *Handover) Keep(fds []kernel.Fd) error {
	if h.listener.Ok() || h.sent {
		return errors.New("linux.seccomp: the process has sent a second listener")
	}
	if err := check(fds[0].Int()); err != nil {
		return err
	}
	h.listener = kernel.Own(fds[0].Take())
	return nil
}

// check makes sure that a descriptor is a listener: a process that traces the container's could have put
// another in its place.
func check(fd int) error {
	what, err := os.Readlink(kernel.ProcPath(fd))
	if err == nil && what != "anon_inode:seccomp notify" {
		err = fmt.Errorf("descriptor of %s in its place", what)
	}
	return kernel.Failed("linux.seccomp: the listener of the filter", err)
}

// waits reports whether a process may wait for its listener to be taken.
func (h *Handover) waits() bool { return h != nil && !h.listener.Ok() && !h.sent }

// Look does what is to be done for a process on its way to the execve, of which this is the report, in a
// page: it takes the listener if the process waits for that, and sends it. It is an error if the agent has
// taken too long to decide about the execve.
func (h *Handover) Look(page int, report nsenter.Report, pid, pidfd int) error {
	switch {
	case h == nil:
		return nil
	case h.waits() && report.Listener != 0:
		return h.take(page, report, pid, pidfd)
	case !h.deadline.IsZero() && !time.Now().Before(h.deadline):
		return h.explained(fmt.Errorf("the agent at %s has not let the process execute within %v", h.Path, patience))
	}
	return nil
}

func (h *Handover) take(page int, report nsenter.Report, pid, pidfd int) error {
	fd, err := unix.PidfdGetfd(pidfd, report.Listener, 0)
	if err != nil {
		return failure.Advise(fmt.Errorf("linux.seccomp: taking the listener of the filter: pidfd_getfd: %w", err),
			"this needs the right to trace the process: CAP_SYS_PTRACE, and sysctl kernel.yama.ptrace_scope below 3; "+
				"a profile that allows fcntl, sendmsg, write, read and close needs none")
	}
	if err := h.Keep([]kernel.Fd{kernel.Own(fd)}); err != nil {
		unix.Close(fd)
		return err
	}
	if err := h.Send(pid); err != nil {
		return err
	}
	h.Go()
	return nsenter.GiveTurn(page, nsenter.ListenerTurn)
}

// Send sends the agent the listener, and the state with the process's pid. It does nothing if there is none.
func (h *Handover) Send(pid int) error {
	if h == nil || !h.listener.Ok() {
		return nil
	}
	defer h.Close()
	if h.State.Pid == 0 {
		h.State.Pid = pid
	}
	text, err := json.Marshal(specs.ContainerProcessState{Version: specs.Version, Fds: []string{specs.SeccompFdName},
		Pid: pid, Metadata: h.Metadata, State: h.State})
	if err != nil {
		return fmt.Errorf("state for the seccomp agent: %w", err)
	}
	socket, err := kernel.ConnectStream(h.Path, patience)
	if err != nil {
		return h.explained(err)
	}
	defer unix.Close(socket)
	if err := kernel.Send(socket, text, h.listener.Int()); err != nil {
		return h.explained(fmt.Errorf("sendmsg to %s: %w", h.Path, err))
	}
	h.sent = true
	return nil
}

// Go begins the time that the agent has to decide about the execve.
func (h *Handover) Go() {
	if h != nil && h.decides {
		h.deadline = time.Now().Add(patience)
	}
}

// Lookout is how long may be waited for something else before it is time to look again: whether
// the process waits, and whether the agent is late; -1: for ever.
func (h *Handover) Lookout() time.Duration {
	switch {
	case h.waits():
		return time.Millisecond
	case h != nil && !h.deadline.IsZero():
		return max(time.Until(h.deadline), 0)
	}
	return -1
}

// Close gives back the listener if it was not sent.
func (h *Handover) Close() {
	if h != nil {
		h.listener.Close()
	}
}
