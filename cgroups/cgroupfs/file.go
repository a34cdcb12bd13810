// Package cgroupfs works with the directories and files of the cgroup file systems,
// which are alike in both versions: what each file means is not known here.
//
// Files are read and written with bare system calls, relative to a descriptor of the
// cgroup's directory: a start reads and writes some forty of them, and package os
// would take twice the calls.
package cgroupfs

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// Procs is the file with the processes of a cgroup.
const Procs = "cgroup.procs"

// OpenDir opens the directory of a cgroup, to be used as the start of paths.
// It refuses what is not a cgroup: nothing may be written or removed below it.
func OpenDir(path string) (int, error) {
	fd, err := Open(unix.AT_FDCWD, path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return -1, err
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		unix.Close(fd)
		return -1, err
	}
	if fs.Type != unix.CGROUP_SUPER_MAGIC && fs.Type != unix.CGROUP2_SUPER_MAGIC {
		unix.Close(fd)
		return -1, errNotCgroup
	}
	return fd, nil
}

var errNotCgroup = errors.New("not a directory of a cgroup file system")

// Open opens a file relative to a directory, close-on-exec.
func Open(dir int, name string, flags int) (int, error) {
	return kernel.RestartInt(func() (int, error) { return unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0) })
}

// Write writes value with one write, as the files of a cgroup want it.
func Write(dir int, name, value string) error {
	var w Writer
	defer w.Close()
	return w.Write(dir, name, value)
}

// A Writer keeps the file that was written last, for values that go to the same
// file one after the other: a dozen device rules.
type Writer struct {
	name    string // "" when nothing is open
	dir, fd int
}

// Write writes value to a file of the directory with one write.
func (w *Writer) Write(dir int, name, value string) error {
	if w.name != name || w.dir != dir {
		w.Close()
		fd, err := Open(dir, name, unix.O_WRONLY|unix.O_NOFOLLOW)
		if err != nil {
			return err
		}
		*w = Writer{name, dir, fd}
	}
	b := []byte(value)
	// A memory limit that has to reclaim is interrupted by signals, and the Go runtime
	// sends itself some.
	_, err := kernel.RestartInt(func() (int, error) { return unix.Write(w.fd, b) })
	return err
}

// Close closes the file. The Writer can still be used.
func (w *Writer) Close() {
	if w.name != "" {
		unix.Close(w.fd)
		w.name = ""
	}
}

// Read reads a file to its end, of which hint is the expected size.
func Read(dir int, name string, hint int) ([]byte, error) {
	fd, err := Open(dir, name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return kernel.ReadAll(fd, hint)
}

// ReadValue reads a file that holds one short value. It needs one read: the kernel
// gives a value whole.
func ReadValue(dir int, name string) (string, error) {
	fd, err := Open(dir, name, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var buf [4096]byte
	n, err := kernel.RestartInt(func() (int, error) { return unix.Read(fd, buf[:]) })
	return strings.TrimSpace(string(buf[:max(n, 0)])), err
}
