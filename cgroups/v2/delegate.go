package v2

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// delegate gives the cgroup to its owner: the directory, and those files by which who has it
// arranges what is below it (cgroups(7), "Cgroups delegation"). All others stay the caller's, above
// all the limits.
//
// A caller without the right to give things away is warned.
func (m *Manager) delegate() (warnings []string, err error) {
	if m.owner == nil || int(*m.owner) == os.Geteuid() {
		return nil, nil
	}
	dir, err := m.dir.Open()
	if err != nil {
		return nil, err
	}
	files := append([]string{"."}, delegated()...)
	for _, file := range files {
		err := unix.Fchownat(dir, file, int(*m.owner), -1, unix.AT_SYMLINK_NOFOLLOW)
		switch {
		case err == unix.ENOENT: // not every cgroup has all of them
		case errors.Is(err, unix.EPERM):
			return []string{fmt.Sprintf("linux.cgroupsPath: the cgroup %s is not given to user %d, who is "+
				"process.user on the host: %v", m.dir.Path, *m.owner, err)}, nil
		case err != nil:
			return nil, fmt.Errorf("giving %s/%s to user %d: %w", m.dir.Path, file, *m.owner, err)
		}
	}
	return nil, nil
}

// delegated are the files that are given away with a cgroup. The kernel may have more of them one day.
func delegated() []string {
	text, err := cgroupfs.Read(unix.AT_FDCWD, "/sys/kernel/cgroup/delegate", 512)
	if err != nil {
		return []string{cgroupfs.Procs, subtreeFile, "cgroup.threads"}
	}
	return strings.Fields(string(text))
}
