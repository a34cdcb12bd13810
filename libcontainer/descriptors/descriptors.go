// Package descriptors is about the file descriptors that this process was started with:
// which of them the container gets, and whether there is room for those that rung needs.
package descriptors

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/inherited"
)

// spareDescriptors are more than a creation and its undoing use at once: about
// three for each hierarchy of cgroup v1, of which there are up to a dozen, and
// those of the first process.
const spareDescriptors = 64

// manyDescriptors is a limit that nobody comes near to.
const manyDescriptors = 10_000

// CheckRoom makes sure that this process may open as many descriptors as a
// creation needs. Once something is made they are needed to undo it.
func CheckRoom() (err error) {
	if inherited.Nofile().Hard >= manyDescriptors { // which is this process's limit, see there
		return nil
	}
	var spare []int
	for len(spare) < spareDescriptors && err == nil {
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
			"which can be opened, and a creation needs %d", limit.Cur, len(spare), spareDescriptors)
	case err != nil:
		return fmt.Errorf("fcntl: %w", err)
	}
	return nil
}
