package store

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// openOwn opens a directory that may be believed: it belongs to this user or to root,
// and nobody else may write it. What another user puts into a store would else be read as
// rung's: a record names processes to kill, a saved configuration names hooks, which
// run as whoever calls rung.
//
// The descriptor is what is looked at and then used, whatever becomes of the
// name. An access control list that lets others write shows in the mode, too: the
// group's bits are its mask then, acl(5).
func openOwn(dir int, name string, path string, flags int, sticky bool) (int, error) {
	flags |= unix.O_DIRECTORY | unix.O_CLOEXEC
	fd, err := kernel.RestartInt(func() (int, error) { return unix.Openat(dir, name, flags, 0) })
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if !owned(&st, uint32(os.Geteuid()), sticky) {
		unix.Close(fd)
		return -1, &ForeignError{Path: path, UID: st.Uid, Mode: st.Mode & 0o7777}
	}
	return fd, nil
}

// owned reports whether nobody but uid and root can have put into a directory what is
// there. sticky allows one like /tmp, which others may write, but whose entries stay
// what and where they are: each of them has to be looked at by itself.
func owned(st *unix.Stat_t, uid uint32, sticky bool) bool {
	const othersWrite = unix.S_IWGRP | unix.S_IWOTH
	return (st.Uid == 0 || st.Uid == uid) &&
		(st.Mode&othersWrite == 0 || sticky && st.Mode&unix.S_ISVTX != 0)
}

// A ForeignError is about a directory that somebody else owns or may write, whose
// contents are therefore not read.
type ForeignError struct {
	Path string
	UID  uint32 // its owner
	Mode uint32 // its permissions, with the sticky bit
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s: owner %d, mode %04o: state is only believed in a directory that belongs to user %d or "+
		"root, and that nobody else may write", e.Path, e.UID, e.Mode, os.Geteuid())
}
