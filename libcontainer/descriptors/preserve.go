package descriptors

import (
	"fmt"
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// Listening is the number of descriptors that a service manager passed to this very
// process. The variables of another one may have been inherited by accident, and what
// this process has open then is not meant for the container.
func Listening() int {
	if pid, err := strconv.Atoi(os.Getenv("LISTEN_PID")); err != nil || pid != os.Getpid() {
		return 0
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Preserve counts n descriptors after those of LISTEN_FDS, and makes sure that
// they are there and that others end with this process.
func Preserve(n, listen int) (int, error) {
	n += listen
	for fd := 3; fd < 3+n; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil {
			return 0, fmt.Errorf("unable to stat preserved-fd %d (of %d): %w", fd-3, n, err)
		}
		if flags&unix.FD_CLOEXEC != 0 {
			return 0, fmt.Errorf("preserved-fd %d (of %d) was not passed to rung", fd-3, n)
		}
	}
	// others of the caller are not the container's, not even until it executes
	return n, kernel.Failed("close_range", unix.CloseRange(uint(3+n), math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC))
}
