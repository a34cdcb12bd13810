package kernel

import (
	"os"

	"golang.org/x/sys/unix"
)

// IsNull reports whether a file is a node of /dev/null.
func IsNull(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3)
}

// OpenNull opens this machine's /dev/null, to read and to write, by a read-only mount of its
// own: who gets the descriptor cannot change the node's mode, owner or times.
func OpenNull() (fd int, st unix.Stat_t, err error) {
	mount, err := unix.OpenTree(unix.AT_FDCWD, os.DevNull, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, st, &os.PathError{Op: "open_tree", Path: os.DevNull, Err: err}
	}
	defer unix.Close(mount)
	err = unix.MountSetattr(mount, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	if err == nil {
		err = unix.Fstat(mount, &st)
	}
	if err == nil {
		fd, err = unix.Open(ProcPath(mount), unix.O_RDWR|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return -1, st, &os.PathError{Op: "open", Path: os.DevNull, Err: err}
	}
	return fd, st, nil
}
