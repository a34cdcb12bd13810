// Package interrupt has signals interrupt what a command does before a process
// executes: whatever may wait for long until then waits for an [Interruption], too.
package interrupt

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/signals"
)

// An Interruption is a signal that asks for the end of what has not begun yet. The
// zero value and nil never come.
type Interruption struct {
	list  []unix.Signal
	queue *signals.Queue
}

// An Error is the failure of what a signal has interrupted.
type Error struct {
	Signal unix.Signal
	cause  error // what failed because of it; may be nil
}

func (e *Error) Error() string {
	text := "interrupted by " + unix.SignalName(e.Signal)
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.cause }

// Catch has signals interrupt from now on, but for those that the caller ignores.
// That is not undone: this process ends with what may be interrupted.
func (i *Interruption) Catch() error {
	queue, err := signals.NewQueue()
	if err != nil {
		return err
	}
	for _, s := range [...]unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT} {
		ignored, err := signals.Ignored(s)
		if err != nil {
			return err
		}
		if !ignored {
			i.list = append(i.list, s)
		}
	}
	i.queue = queue
	return queue.Catch(i.list...)
}

// Signals returns those that interrupt.
func (i *Interruption) Signals() []unix.Signal { return i.list }

// Fd returns a descriptor that can be read once it has come, or -1: it belongs to i.
func (i *Interruption) Fd() int {
	if i == nil || i.queue == nil {
		return -1
	}
	return i.queue.Fd()
}

// Take returns the signal that came first, and forgets it: there is nothing left to
// be interrupted, and it is for somebody else.
func (i *Interruption) Take() unix.Signal { return i.queue.Take() }

// by returns the signal that came first, 0 for none.
func (i *Interruption) by() unix.Signal {
	if i == nil || i.queue == nil {
		return 0
	}
	return i.queue.Peek()
}

// wait waits until there is something to be read from fd, which comes first, or
// the interruption, which is an error.
func (i *Interruption) wait(fd int) error {
	if i.Fd() < 0 {
		return nil // the read waits
	}
	poll := []unix.PollFd{kernel.Readable(fd), kernel.Readable(i.Fd())}
	switch _, err := kernel.Poll(poll, -1); {
	case err != nil:
		return fmt.Errorf("poll: %w", err)
	case poll[0].Revents == 0:
		return i.Err(nil)
	}
	return nil
}

// Kill has the interruption kill the process of a pidfd, if it still runs then.
func (i *Interruption) Kill(pidfd int) {
	i.before(pidfd, func(own int) { _ = kernel.Signal(own, unix.SIGKILL) })
}

// Hold has the interruption wait for the end of the process of a pidfd: tell is
// called, and only the next signal ends this process.
func (i *Interruption) Hold(pidfd int, tell func(unix.Signal)) {
	i.before(pidfd, func(int) {
		tell(i.by())
		i.Release()
	})
}

// before has the interruption do something, if it comes before the process of a pidfd
// has ended. What does it has a descriptor of its own: the caller's may be closed.
func (i *Interruption) before(pidfd int, do func(pidfd int)) {
	if i.Fd() < 0 {
		return
	}
	own, err := unix.FcntlInt(uintptr(pidfd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return
	}
	go func() {
		defer unix.Close(own)
		if i.wait(own) != nil {
			do(own)
		}
	}()
}

// Release has signals end this process from now on.
func (i *Interruption) Release() {
	for _, s := range i.list {
		_ = signals.Default(s) // each could be caught
	}
}

// Err returns the error if there was an interruption, which is why something may have
// failed, and cause, which may be nil, if not.
func (i *Interruption) Err(cause error) error {
	signal := i.by()
	if signal == 0 {
		return cause
	}
	if errors.As(cause, new(*Error)) {
		return cause
	}
	return &Error{signal, cause}
}
