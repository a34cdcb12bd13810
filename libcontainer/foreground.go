package libcontainer

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/logs"
	"github.com/rung-oci/rung/libcontainer/signals"
	"github.com/rung-oci/rung/libcontainer/terminal"
)

// A foreground is a child that this process stands for: it passes on signals and
// what goes through the terminal, and takes over the exit status.
type foreground struct {
	log       *logs.Logger
	subreaper bool // adopt and reap what the container's processes leave

	pid, pidfd int
	ended      bool // and waited for, with
	result     unix.WaitStatus
	relay      *terminal.Relay   // nil: no terminal
	streams    *terminal.Streams // nil: none is a terminal of this process
	interrupt  interruption      // before the process executes; its signals are passed on, too
	signals    *signals.Queue    // the others
	list       []unix.Signal     // of which it has these
}

// catch keeps the signals from now on. [foreground.follow] passes them on, unless
// they interrupt what comes before. That is not undone: this process ends with the
// other. A subreaper adopts from now on: what the container's first process starts
// may lose its parent at once.
func (f *foreground) catch() (err error) {
	if f.subreaper {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("becoming a subreaper: %w", err)
		}
	}
	if err := f.interrupt.catch(); err != nil {
		return err
	}
	if f.signals, err = signals.NewQueue(); err != nil {
		return err
	}
	f.list = make([]unix.Signal, 0, signals.Max)
	for s := unix.Signal(1); s <= signals.Max; s++ {
		if f.catches(s) && !slices.Contains(f.interrupt.list, s) {
			f.list = append(f.list, s)
		}
	}
	return f.signals.Catch(f.list...)
}

// catches tells whether a signal is to be caught. Two nobody can catch; SIGURG and
// two real-time signals belong to the Go runtime and to libc, SIGPIPE is about a
// reader who is gone, and the terminal's size is the relay's. SIGCHLD is about
// children of this process: a subreaper wants to know of them.
func (f *foreground) catches(s unix.Signal) bool {
	switch s {
	case unix.SIGKILL, unix.SIGSTOP, unix.SIGURG, 32, 33, unix.SIGPIPE, unix.SIGWINCH:
		return false
	case unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
		return false // yet: see follow
	case unix.SIGCHLD:
		return f.subreaper
	}
	return true
}

// noStreams replaces none.
var noStreams = [3]int{-1, -1, -1}

// replaceStreams makes pipes for a process without a terminal of its own, in the place
// of the standard streams that are terminals. Their ends are added to its files.
func (f *foreground) replaceStreams(files map[string]int) (ends [3]int, err error) {
	if f.streams, err = terminal.NewStreams([3]int{0, 1, 2}); err != nil || f.streams == nil {
		return noStreams, err
	}
	for fd, end := range f.streams.Ends {
		if end >= 0 {
			files[birth.StreamFile(fd)] = end
		}
	}
	return f.streams.Ends, nil
}

// attach takes the process, and connects its terminal, if master is one, with
// the standard streams.
func (f *foreground) attach(pid, pidfd, master int) (err error) {
	f.pid, f.pidfd = pid, pidfd
	if master >= 0 {
		f.relay, err = terminal.NewRelay(master, 0, 1)
	}
	f.streams.Start()
	return err
}

// settle tells whether the process ends at once, within milliseconds.
func (f *foreground) settle() bool { return endsWithin(f.pidfd, 2) }

func endsWithin(pidfd, milliseconds int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, milliseconds)
	return n > 0 && err == nil
}

// follow passes on signals until the process has ended, and reaps, as a subreaper,
// whatever else ends until then. It is [foreground.finish] then. The signals of job
// control are passed on from now on: whoever sets up a terminal in the background
// has to be stopped by them.
func (f *foreground) follow() int {
	if err := f.signals.Catch(unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU); err != nil {
		f.log.Warnf("signals of job control are not passed on: %v", err)
	}
	// here, too: the thread that caught them may have ended since
	_ = signals.Unblock(append(f.list, f.interrupt.list...)...)
	poll := []unix.PollFd{
		{Fd: int32(f.pidfd), Events: unix.POLLIN},
		{Fd: int32(f.signals.Fd()), Events: unix.POLLIN},
		{Fd: int32(f.interrupt.descriptor()), Events: unix.POLLIN},
	}
	for poll[0].Revents == 0 {
		if _, err := unix.Poll(poll, -1); err != nil && err != unix.EINTR {
			f.log.Warnf("waiting for the process to end: %v", err)
			break
		}
		if poll[1].Revents != 0 {
			f.pass(f.signals.Take())
		}
		if poll[2].Revents != 0 {
			f.pass(f.interrupt.signals.Take())
		}
	}
	return f.finish()
}

// pass passes a signal on to the process. SIGCHLD is for a subreaper.
func (f *foreground) pass(s unix.Signal) {
	if s == unix.SIGCHLD {
		f.reap(unix.WNOHANG)
		return
	}
	if err := unix.PidfdSendSignal(f.pidfd, s, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		f.log.Warnf("passing on signal %d: %v", int(s), err)
	}
}

// finish waits for the end of the process and of what its terminal passes on. It
// returns the exit status, or 128 and the signal that ended the process.
func (f *foreground) finish() int {
	f.reap(0)
	f.streams.Close()
	if f.relay != nil {
		if err := f.relay.Close(); err != nil {
			f.log.Warnf("terminal: %v", err)
		}
	}
	if f.result.Signaled() {
		return 128 + int(f.result.Signal())
	}
	return f.result.ExitStatus()
}

// reap waits for the process and keeps its status. A subreaper waits for whatever
// ends until then. With WNOHANG it takes what there is.
func (f *foreground) reap(options int) {
	who := f.pid
	if f.subreaper {
		who = -1
	}
	for !f.ended {
		var status unix.WaitStatus
		pid, err := unix.Wait4(who, &status, options, nil)
		switch {
		case err == unix.EINTR:
		case err != nil: // no child is left
			f.ended = true
		case pid == f.pid:
			f.ended, f.result = true, status
		case pid == 0:
			return
		}
	}
}
