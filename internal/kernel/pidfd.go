package kernel

import (
	"time"

	"golang.org/x/sys/unix"
)

// Signal sends a signal to the process of a pidfd (pidfd_send_signal(2)), and to no
// other: a pid may have become another's. A process that has ended is no error.
func Signal(pidfd int, s unix.Signal) error {
	if err := unix.PidfdSendSignal(pidfd, s, nil, 0); err != unix.ESRCH {
		return err
	}
	return nil
}

// Ends waits until the process of a pidfd has ended, no longer than timeout, and reports
// whether it has. It may still be a zombie. A descriptor of a thread group is ready
// when all its threads have ended, pidfd_open(2).
func Ends(pidfd int, timeout time.Duration) (bool, error) {
	n, err := Poll([]unix.PollFd{Readable(pidfd)}, timeout)
	return n > 0, err
}
