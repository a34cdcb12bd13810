// Package descriptors is about the file descriptors that this process was started with:
// which of them the container gets, and whether there is room for those that rung needs.
package descriptors

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/inherited"
)

// manyDescriptors is a limit that nobody comes near to.
const manyDescriptors = 10_000

// CheckRoom makes sure that this process may open as many descriptors as something
// needs. Once something is made they are needed to undo it.
func CheckRoom(needed int) (err error) {
	if inherited.Nofile().Hard >= manyDescriptors { // which is this process's limit, see there
		return nil
	}
	var spare []int
	for len(spare) < needed && err == nil {
		var fd int
		if fd, err = unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3); err == nil {
			spare = append(spare, fd)
		}
	}
	for _, fd := range spare {
		unix.Close(fd)
	}
	switch {
	case err == unix.EMFILE:
		var limit unix.Rlimit
		_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
		return fmt.Errorf("the limit RLIMIT_NOFILE of rung's own is too low: it allows %d descriptors, %d more of "+
			"which can be opened, and a creation needs %d", limit.Cur, len(spare), needed)
	case err != nil:
		return fmt.Errorf("fcntl: %w", err)
	}
	return nil
}
