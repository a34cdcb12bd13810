package cgroupfs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// RemoveChildren removes the descendants of a cgroup, the deepest first. One that
// is busy does not keep the others.
func RemoveChildren(dir int) error {
	children, err := Children(dir)
	if err != nil {
		return IgnoreGone(err)
	}
	var errs []error
	for _, name := range children {
		child, err := OpenChild(dir, name)
		if err == nil {
			err = RemoveChildren(child)
			unix.Close(child)
		}
		if err == nil {
			err = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
		}
		if IgnoreGone(err) != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// OpenChild opens a child cgroup to descend into it.
func OpenChild(dir int, name string) (int, error) {
	return kernel.Openat2(dir, name, unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	})
}

// Children returns the names of the child cgroups.
func Children(dir int) ([]string, error) {
	fd, err := Open(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var names []string
	var buf [8 << 10]byte
	for {
		n, err := kernel.RestartInt(func() (int, error) { return unix.Getdents(fd, buf[:]) })
		if err != nil || n == 0 {
			return names, err
		}
		names = appendDirs(names, buf[:n])
	}
}

// AppendTreePids appends the processes of a cgroup and of its descendants.
func AppendTreePids(pids []int, dir int) ([]int, error) {
	pids, err := AppendPids(pids, dir)
	if err != nil {
		return pids, err
	}
	children, err := Children(dir)
	if err != nil {
		return pids, IgnoreGone(err)
	}
	for _, name := range children {
		child, err := OpenChild(dir, name)
		if err != nil {
			if IgnoreGone(err) != nil {
				return pids, err
			}
			continue
		}
		pids, err = AppendTreePids(pids, child)
		unix.Close(child)
		if err != nil {
			return pids, err
		}
	}
	return pids, nil
}

// AppendPids appends the processes of a cgroup, those of outer pid namespaces left out.
// One that is gone has none.
func AppendPids(pids []int, dir int) ([]int, error) {
	text, err := Read(dir, Procs, 256)
	if err != nil {
		return pids, IgnoreGone(fmt.Errorf("reading %s: %w", Procs, err))
	}
	for line := range bytes.FieldsSeq(text) {
		pid, err := strconv.Atoi(string(line))
		if err != nil {
			return pids, fmt.Errorf("reading %s: %w", Procs, err)
		}
		// 0 is a process of an outer pid namespace, and to kill(2) it
		// would be the caller's own process group.
		if pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// IgnoreGone drops the errors that say that a cgroup is no longer there.
func IgnoreGone(err error) error {
	// ENODEV is of a file that was open when its cgroup went; what cannot be named was not made
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENAMETOOLONG) {
		return nil
	}
	return err
}
