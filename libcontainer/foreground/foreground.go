// Package foreground has this process stand for another one, as a shell's foreground job
// does: it passes on signals and what goes through the terminal or the standard streams,
// and takes over the exit status.
package foreground

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/interrupt"
	"github.com/rung-oci/rung/libcontainer/logs"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/signals"
	"github.com/rung-oci/rung/libcontainer/terminal"
)

// A Process is a child that this process stands for, or will.
type Process struct {
	Log       *logs.Logger
	Subreaper bool // adopt and reap what the child's own children leave
	// Interrupt is what comes before the child executes; its signals are passed on
	// after that, too.
	Interrupt interrupt.Interruption

	pid, pidfd int
	ended      bool // and waited for, with
	result     unix.WaitStatus
	relay      *terminal.Relay   // nil: no terminal
	streams    *terminal.Streams // nil: none is a terminal of this process
	signals    *signals.Queue    // those that do not interrupt
	list       []unix.Signal     // of which it has these
}

// Catch keeps the signals from now on. [Process.Follow] passes them on, unless
// they interrupt what comes before. That is not undone: this process ends with the
// other. A subreaper adopts from now on: what the container's first process starts
// may lose its parent at once.
func (p *Process) Catch() (err error) {
	if p.Subreaper {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("becoming a subreaper: %w", err)
		}
	}
	if err := p.Interrupt.Catch(); err != nil {
		return err
	}
	if p.signals, err = signals.NewQueue(); err != nil {
		return err
	}
	p.list = make([]unix.Signal, 0, signals.Max)
	for s := unix.Signal(1); s <= signals.Max; s++ {
		if p.catches(s) && !slices.Contains(p.Interrupt.Signals(), s) {
			p.list = append(p.list, s)
		}
	}
	return p.signals.Catch(p.list...)
}

// catches reports whether a signal is to be caught. Two nobody can catch; SIGURG and
// two real-time signals belong to the Go runtime and to libc, SIGPIPE is about a
// reader who is gone, and the terminal's size is the relay's. SIGCHLD is about
// children of this process: a subreaper wants to know of them.
func (p *Process) catches(s unix.Signal) bool {
	switch s {
	case unix.SIGKILL, unix.SIGSTOP, unix.SIGURG, 32, 33, unix.SIGPIPE, unix.SIGWINCH:
		return false
	case unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
		return false // yet: see Follow
	case unix.SIGCHLD:
		return p.Subreaper
	}
	return true
}

// NoStreams replaces none.
var NoStreams = [3]int{-1, -1, -1}

// ReplaceStreams makes pipes for a process without a terminal of its own, in the place
// of the standard streams that are terminals. Their ends are added to its files.
func (p *Process) ReplaceStreams(files map[string]int) (ends [3]int, err error) {
	if p.streams, err = terminal.NewStreams([3]int{0, 1, 2}); err != nil || p.streams == nil {
		return NoStreams, err
	}
	for fd, end := range p.streams.Ends {
		if end >= 0 {
			files[birth.StreamFile(fd)] = end
		}
	}
	return p.streams.Ends, nil
}

// Attach takes the process, and connects its terminal, if master is one, with
// the standard streams.
func (p *Process) Attach(pid, pidfd, master int) (err error) {
	p.pid, p.pidfd = pid, pidfd
	if master >= 0 {
		p.relay, err = terminal.NewRelay(master, 0, 1)
	}
	p.streams.Start()
	return err
}

// Settle reports whether the process ends at once, within milliseconds.
func (p *Process) Settle() bool { return process.EndsWithin(p.pidfd, 2*time.Millisecond) }

// CloseStreams closes this process's ends of the pipes that replace standard streams.
func (p *Process) CloseStreams() { p.streams.Close() }

// Follow passes on signals until the process has ended, and reaps, as a subreaper,
// whatever else ends until then. It is [Process.Finish] then. The signals of job
// control are passed on from now on: whoever sets up a terminal in the background
// has to be stopped by them.
func (p *Process) Follow() int {
	if err := p.signals.Catch(unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU); err != nil {
		p.Log.Warnf("signals of job control are not passed on: %v", err)
	}
	// here, too: the thread that caught them may have ended since
	_ = signals.Unblock(append(p.list, p.Interrupt.Signals()...)...)
	poll := []unix.PollFd{kernel.Readable(p.pidfd), kernel.Readable(p.signals.Fd()), kernel.Readable(p.Interrupt.Fd())}
	for poll[0].Revents == 0 {
		if _, err := kernel.Poll(poll, -1); err != nil {
			p.Log.Warnf("waiting for the process to end: %v", err)
			break
		}
		if poll[1].Revents != 0 {
			p.pass(p.signals.Take())
		}
		if poll[2].Revents != 0 {
			p.pass(p.Interrupt.Take())
		}
	}
	return p.Finish()
}

// pass passes a signal on to the process. SIGCHLD is for a subreaper.
func (p *Process) pass(s unix.Signal) {
	if s == unix.SIGCHLD {
		p.reap(unix.WNOHANG)
		return
	}
	if err := kernel.Signal(p.pidfd, s); err != nil {
		p.Log.Warnf("passing on signal %d: %v", int(s), err)
	}
}

// Finish waits for the end of the process and of what its terminal passes on. It
// returns the exit status, or 128 and the signal that ended the process.
func (p *Process) Finish() int {
	p.reap(0)
	p.streams.Close()
	if p.relay != nil {
		if err := p.relay.Close(); err != nil {
			p.Log.Warnf("terminal: %v", err)
		}
	}
	if p.result.Signaled() {
		return 128 + int(p.result.Signal())
	}
	return p.result.ExitStatus()
}

// reap waits for the process and keeps its status. A subreaper waits for whatever
// ends until then. With WNOHANG it takes what there is.
func (p *Process) reap(options int) {
	who := p.pid
	if p.Subreaper {
		who = -1
	}
	for !p.ended {
		var status unix.WaitStatus
		pid, err := kernel.RestartInt(func() (int, error) { return unix.Wait4(who, &status, options, nil) })
		switch {
		case err != nil: // no child is left
			p.ended = true
		case pid == p.pid:
			p.ended, p.result = true, status
		case pid == 0:
			return
		}
	}
}
