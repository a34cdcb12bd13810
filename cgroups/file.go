package cgroups

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// The files of a cgroup are read and written with bare system calls, relative
// to a descriptor of its directory: a start reads and writes some forty of
// them.

// openDir opens the directory of a cgroup, to be used as the start of paths.
// It refuses what is not a cgroup: nothing may be written or removed below it.
func openDir(path string) (int, error) {
	fd, err := openat(unix.AT_FDCWD, path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
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

var errNotCgroup = fmt.Errorf("not a directory of a cgroup file system")

func openat(dir int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// writeFile writes value with one write, as the files of a cgroup want it.
func writeFile(dir int, name, value string) error {
	var f openFile
	defer f.close()
	return f.write(dir, name, value)
}

// An openFile keeps the file that was written last, for values that go to the same
// file one after the other: a dozen device rules.
type openFile struct {
	name    string // "" when nothing is open
	dir, fd int
}

func (f *openFile) write(dir int, name, value string) error {
	if f.name != name || f.dir != dir {
		f.close()
		fd, err := openat(dir, name, unix.O_WRONLY|unix.O_NOFOLLOW)
		if err != nil {
			return err
		}
		*f = openFile{name, dir, fd}
	}
	b := []byte(value)
	for {
		// A memory limit that has to reclaim is interrupted by signals,
		// and the Go runtime sends itself some.
		_, err := unix.Write(f.fd, b)
		if err != unix.EINTR {
			return err
		}
	}
}

func (f *openFile) close() {
	if f.name != "" {
		unix.Close(f.fd)
		f.name = ""
	}
}

// readFile reads a file to its end, of which hint is the expected size.
func readFile(dir int, name string, hint int) ([]byte, error) {
	fd, err := openat(dir, name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 0, hint)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := unix.Read(fd, buf[len(buf):cap(buf)])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, err
		case n == 0:
			return buf, nil
		default:
			buf = buf[:len(buf)+n]
		}
	}
}

// readValue reads a file that holds one short value. It needs one read: the kernel
// gives a value whole.
func readValue(dir int, name string) (string, error) {
	fd, err := openat(dir, name, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var buf [4096]byte
	for {
		n, err := unix.Read(fd, buf[:])
		if err != unix.EINTR {
			return strings.TrimSpace(string(buf[:max(n, 0)])), err
		}
	}
}
