package process

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// EndTimeout is how long a process that was sent SIGKILL may take to end. One that
// takes longer hangs in the kernel.
const EndTimeout = 10 * time.Second

// EndsWithin reports whether the process of a pidfd has ended, or does within that
// time. It may still be a zombie.
func EndsWithin(pidfd int, wait time.Duration) bool {
	n, err := kernel.Poll([]unix.PollFd{kernel.Readable(pidfd)}, wait)
	return n > 0 && err == nil
}

// SendKill sends SIGKILL to the first process of a container, by its pidfd. That it
// has ended is no error.
func SendKill(pidfd int) error {
	if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil && err != unix.ESRCH {
		return fmt.Errorf("killing the first process: %w", err)
	}
	return nil
}

// WaitEnd waits until the first process of a container, which was killed, has ended. It
// may still be a zombie.
func WaitEnd(pidfd int) error {
	switch n, err := kernel.Poll([]unix.PollFd{kernel.Readable(pidfd)}, EndTimeout); {
	case err != nil:
		return fmt.Errorf("waiting for the end of the first process: %w", err)
	case n == 0:
		return errors.New("the first process was killed and does not end: it hangs in the kernel")
	}
	return nil
}

// Kill ends the first process of a container and waits for its end.
func Kill(pidfd int) error {
	if err := SendKill(pidfd); err != nil {
		return err
	}
	return WaitEnd(pidfd)
}
