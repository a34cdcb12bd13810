package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// An interruption is a signal that asks for the end of what has not begun yet.
// What may wait for long until then waits for this, too. The zero value and nil
// never come.
type interruption struct {
	fd int // an eventfd that becomes readable, 0: never
	by atomic.Int32
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
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	i.fd = fd
	signals := make(chan os.Signal, 1)
	for _, s := range [...]unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	go func() {
		s, _ := (<-signals).(unix.Signal)
		i.by.Store(int32(s))
		unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}()
	return nil
}

// descriptor is what can be polled, or -1.
func (i *interruption) descriptor() int {
	if i == nil || i.fd == 0 {
		return -1
	}
	return i.fd
}

// wait waits until there is something to be read from fd, which comes first, or
// the interruption.
func (i *interruption) wait(fd int) error {
	if i.descriptor() < 0 {
		return nil // the read waits
	}
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(i.fd), Events: unix.POLLIN}}
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

// err is the error if there was an interruption, which is why something may have
// failed, and cause, which may be nil, if not.
func (i *interruption) err(cause error) error {
	if i == nil || i.by.Load() == 0 {
		return cause
	}
	if interrupted := new(InterruptedError); errors.As(cause, &interrupted) {
		return cause
	}
	return &InterruptedError{unix.Signal(i.by.Load()), cause}
}
