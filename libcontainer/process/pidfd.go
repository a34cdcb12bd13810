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
	ended, err := kernel.Ends(pidfd, wait)
	return ended && err == nil
}

// SendKill sends SIGKILL to the first process of a container, by its pidfd. That it
// has ended is no error.
func SendKill(pidfd int) error {
	return kernel.Failed("killing the first process", kernel.Signal(pidfd, unix.SIGKILL))
}

// WaitEnd waits until the first process of a container, which was killed, has ended. It
// may still be a zombie.
func WaitEnd(pidfd int) error {
	switch ended, err := kernel.Ends(pidfd, EndTimeout); {
	case err != nil:
		return fmt.Errorf("waiting for the end of the first process: %w", err)
	case !ended:
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
