package kernel

import (
	"time"

	"golang.org/x/sys/unix"
)

// Restart makes a system call again for as long as a signal interrupts it. The Go
// runtime's own signals do so at any time: it sets SA_RESTART, which does not help
// with the calls that signal(7) lists, and not on every file system.
func Restart(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// RestartInt is [Restart] for a call with a result: a descriptor, a number of bytes.
func RestartInt(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != unix.EINTR {
			return n, err
		}
	}
}

// Poll waits until one of the descriptors is ready, no longer than timeout, if
// that is not negative, and returns how many are: poll(2). Descriptors of -1 are ignored.
func Poll(fds []unix.PollFd, timeout time.Duration) (int, error) {
	if timeout < 0 {
		return RestartInt(func() (int, error) { return unix.Poll(fds, -1) })
	}
	deadline := time.Now().Add(timeout)
	return RestartInt(func() (int, error) {
		// rounded up: the last part of a millisecond would be waited for in a busy loop
		left := max(time.Until(deadline)+time.Millisecond-1, 0)
		return unix.Poll(fds, int(min(left.Milliseconds(), 1<<31-1)))
	})
}

// Readable is an element of [Poll]'s list: a descriptor that is ready when it can be
// read, or when a pidfd's process has ended.
func Readable(fd int) unix.PollFd { return unix.PollFd{Fd: int32(fd), Events: unix.POLLIN} }

// Wait waits for the end of a child, and reaps it: wait4(2).
func Wait(pid int) (status unix.WaitStatus, err error) {
	_, err = RestartInt(func() (int, error) { return unix.Wait4(pid, &status, 0, nil) })
	return status, err
}
