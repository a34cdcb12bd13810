package kernel

import (
	"fmt"
	"io"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"
)

// A Reader reads a descriptor, which is lent to it, as it is. An [os.File] would
// make it nonblocking, or poll it if it is that, and costs a finalizer.
type Reader int

func (r Reader) Read(b []byte) (int, error) {
	n, err := RestartInt(func() (int, error) { return unix.Read(int(r), b) })
	switch {
	case err != nil:
		return 0, err
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// ReadAll reads a descriptor to its end. The size that is to be expected, in bytes, may
// be wrong, as it is 0 for what procfs makes when it is read; a good one saves calls.
func ReadAll(fd, size int) ([]byte, error) {
	data := make([]byte, 0, size+1) // one more: the end is seen without growing
	for {
		n, err := Reader(fd).Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF:
			return data, nil
		case err != nil:
			return nil, err
		}
		data = slices.Grow(data, 1)
	}
}

// ReadFile is [ReadAll] for the file of a path below the directory dir, which may be
// AT_FDCWD. It is not for a path that somebody else controls: see [OpenRegular].
func ReadFile(dir int, path string, size int) ([]byte, error) {
	fd, err := RestartInt(func() (int, error) { return unix.Openat(dir, path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	data, err := ReadAll(fd, size)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return data, nil
}

// ReadRegular reads the file of a path below the directory dir, which may be AT_FDCWD, if it is
// regular and not larger than most. The opening of another kind of file, or its end, may have to be
// waited for. flags are of openat(2).
func ReadRegular(dir int, path string, flags int, most int64) ([]byte, error) {
	fd, err := unix.Openat(dir, path, flags|unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, fmt.Errorf("%s: fstat: %w", path, err)
	}
	if kind := stat.Mode & unix.S_IFMT; kind != unix.S_IFREG {
		return nil, fmt.Errorf("%s: %w", path, &NotRegularError{Kind: kind})
	}
	if stat.Size > most {
		return nil, fmt.Errorf("%s: has %d bytes, more than %d", path, stat.Size, most)
	}
	data, err := ReadAll(fd, int(stat.Size))
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return data, nil
}
