package libcontainer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/signals"
)

// An interruption is a signal that asks for the end of what has not begun yet.
// What may wait for long until then waits for this, too. The zero value and nil
// never come.
type interruption struct {
	list    []unix.Signal
	signals *signals.Queue
}

// An InterruptedError is the failure of what a signal has interrupted.
type InterruptedError struct {
	Signal unix.Signal
	cause  error // what failed because of it; may be nil
}

func (e *InterruptedError) Error() string {
	text := "interrupted by " + unix.SignalName(e.Signal)
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

func (e *InterruptedError) Unwrap() error { return e.cause }

// catch has signals interrupt from now on, but for those that the caller ignores.
// That is not undone: see [foreground.catch].
func (i *interruption) catch() error {
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
	i.signals = queue
	return queue.Catch(i.list...)
}

// descriptor is what can be polled, or -1.
func (i *interruption) descriptor() int {
	if i == nil || i.signals == nil {
		return -1
	}
	return i.signals.Fd()
}

// by is the signal that came first, 0: none.
func (i *interruption) by() unix.Signal {
	if i == nil || i.signals == nil {
		return 0
	}
	return i.signals.Peek()
}

// wait waits until there is something to be read from fd, which comes first, or
// the interruption.
func (i *interruption) wait(fd int) error {
	if i.descriptor() < 0 {
		return nil // the read waits
	}
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(i.descriptor()), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(poll, -1)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return fmt.Errorf("poll: %w", err)
		case poll[0].Revents == 0:
			return i.err(nil)
		}
		return nil
	}
}

// kills has the interruption kill the process of a pidfd, if it still runs then.
func (i *interruption) kills(pidfd int) {
	if i.descriptor() < 0 {
		return
	}
	own, err := unix.FcntlInt(uintptr(pidfd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return
	}
	go func() {
		defer unix.Close(own)
		if i.wait(own) != nil {
			_ = unix.PidfdSendSignal(own, unix.SIGKILL, nil, 0)
		}
	}()
}

// waitsFor has the interruption wait for the end of the process of a pidfd: tell is
// called, and only the next signal ends this process.
func (i *interruption) waitsFor(pidfd int, tell func(unix.Signal)) {
	own, err := unix.FcntlInt(uintptr(pidfd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return
	}
	go func() {
		defer unix.Close(own)
		if i.wait(own) != nil {
			tell(i.by())
			i.release()
		}
	}()
}

// release has signals end this process from now on.
func (i *interruption) release() {
	for _, s := range i.list {
		_ = signals.Default(s) // each could be caught
	}
}

// err is the error if there was an interruption, which is why something may have
// failed, and cause, which may be nil, if not.
func (i *interruption) err(cause error) error {
	signal := i.by()
	if signal == 0 {
		return cause
	}
	if interrupted := new(InterruptedError); errors.As(cause, &interrupted) {
		return cause
	}
	return &InterruptedError{signal, cause}
}
