package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/logs"
	"github.com/rung-oci/rung/libcontainer/terminal"
)

// A foreground is a child that this process stands for: it passes on signals and
// what goes through the terminal, and takes over the exit status.
type foreground struct {
	log       *logs.Logger
	subreaper bool // adopt and reap what the container's processes leave

	pid, pidfd int
	relay      *terminal.Relay // nil: no terminal
	signals    chan os.Signal
	interrupt  interruption // before the process executes
}

// catch keeps from now on the signals that are usually sent. [foreground.follow]
// passes them on, unless they interrupt what comes before. That is not undone:
// this process ends with the other. A subreaper adopts from now on: what the
// container's first process starts may lose its parent at once.
func (f *foreground) catch() error {
	if f.subreaper {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("becoming a subreaper: %w", err)
		}
	}
	if err := f.interrupt.catch(); err != nil {
		return err
	}
	f.signals = make(chan os.Signal, 64)
	signal.Notify(f.signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
	return nil
}

// attach takes the process, and connects its terminal, if master is one, with
// the standard streams.
func (f *foreground) attach(pid, pidfd, master int) (err error) {
	f.pid, f.pidfd = pid, pidfd
	if master >= 0 {
		f.relay, err = terminal.NewRelay(master, 0, 1)
	}
	return err
}

// settleTime is how long a process has to run before all signals are passed on
// to it, in milliseconds. Asking the Go runtime for one costs two switches
// between threads, and for all of them as much as half of a short container's
// life. What is sent until then waits if it is one that catch asked for, and is
// ignored if not.
const settleTime = 2

// settle tells whether the process has ended at once.
func (f *foreground) settle() bool { return endsWithin(f.pidfd, settleTime) }

func endsWithin(pidfd, milliseconds int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, milliseconds)
	return n > 0 && err == nil
}

// follow passes on signals until the process ends, and is [foreground.finish] then.
func (f *foreground) follow() int {
	signal.Notify(f.signals)
	stop := make(chan struct{})
	defer close(stop)
	go f.forward(stop)
	return f.finish()
}

// finish waits for the end of the process and of what its terminal passes on. It
// returns the exit status, or 128 and the signal that ended the process.
func (f *foreground) finish() int {
	status := f.reap()
	if f.relay != nil {
		if err := f.relay.Close(); err != nil {
			f.log.Warnf("terminal: %v", err)
		}
	}
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// reap waits for the process. A subreaper waits for whatever ends until then.
func (f *foreground) reap() (status unix.WaitStatus) {
	if !f.subreaper {
		return reap(f.pid)
	}
	for {
		if pid, err := unix.Wait4(-1, &status, 0, nil); pid == f.pid || err == unix.ECHILD {
			return status
		}
	}
}

// forward passes signals on to the process. SIGCHLD is about children of this
// process, SIGURG belongs to the Go runtime (and SIGPROF, which it gives to
// nobody), SIGPIPE is about a reader who is gone, and the terminal's size is the
// relay's.
func (f *foreground) forward(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case s := <-f.signals:
			sig, ok := s.(unix.Signal)
			if !ok || sig == unix.SIGCHLD || sig == unix.SIGURG || sig == unix.SIGWINCH || sig == unix.SIGPIPE {
				continue
			}
			if err := unix.PidfdSendSignal(f.pidfd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
				f.log.Warnf("passing on signal %d: %v", int(sig), err)
			}
		}
	}
}
