package cgroupfs

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// MayMake tells why this user cannot make a cgroup, with the parents that it needs, and move
// its processes there: both the directory that there is and its cgroup.procs have to be writable
// (Documentation/admin-guide/cgroup-v2.rst, Delegation Containment). Nothing is made.
func MayMake(path, mountpoint string) error {
	parent := path
	for parent != mountpoint && parent != "/" {
		if parent = filepath.Dir(parent); unix.Access(parent, unix.F_OK) == nil {
			break
		}
	}
	for _, p := range [...]struct {
		path string
		mode uint32
	}{{parent, unix.W_OK | unix.X_OK}, {parent + "/cgroup.procs", unix.W_OK}} {
		if err := unix.Faccessat(unix.AT_FDCWD, p.path, p.mode, unix.AT_EACCESS); err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
	}
	return nil
}
