package cgroups

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// removeTimeout bounds Remove. A process leaves its cgroup a moment after it was
// seen to end.
const removeTimeout = 2 * time.Second

// Remove removes the cgroup and its descendants from every hierarchy. What is
// gone already is fine. Parents stay. It is an error when a process is still in
// it after two seconds; the other hierarchies are removed all the same.
//
// It only ever calls rmdir, which neither the root of a hierarchy nor a directory
// with files lets happen, and follows neither symbolic links nor mounts.
func (m *Manager) Remove() error {
	m.Close()
	var errs []error
	deadline := time.Now().Add(removeTimeout)
	for i := range m.groups {
		if err := m.groups[i].remove(deadline); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (g *group) remove(deadline time.Time) error {
	for wait := newBackoff(20 * time.Microsecond); ; wait.sleep() {
		err := unix.Rmdir(g.Path)
		switch {
		case ignoreGone(err) == nil:
			return nil
		case err != unix.EBUSY: // children or processes, or a mount point
			return fmt.Errorf("removing %s: %w", g.Path, err)
		}
		left, err := g.removeDescendants()
		if err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("removing %s: %w: processes in it: %v", g.Path, unix.EBUSY, left)
		}
	}
}

// removeDescendants removes the descendants that can be removed, and returns the
// processes that are still there.
func (g *group) removeDescendants() (left []int, err error) {
	dir, err := openDir(g.Path)
	if err != nil {
		if ignoreGone(err) != nil {
			err = fmt.Errorf("removing %s: %w", g.Path, err)
		}
		return nil, ignoreGone(err)
	}
	defer unix.Close(dir)
	if err := removeChildren(dir); err != nil && !errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("removing below %s: %w", g.Path, err)
	}
	return sorted(treePids(nil, dir))
}

// removeChildren removes the descendants of a cgroup, the deepest first. One that
// is busy does not keep the others.
func removeChildren(dir int) error {
	children, err := subdirs(dir)
	if err != nil {
		return ignoreGone(err)
	}
	var errs []error
	for _, name := range children {
		child, err := openChild(dir, name)
		if err == nil {
			err = removeChildren(child)
			unix.Close(child)
		}
		if err == nil {
			err = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
		}
		if ignoreGone(err) != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// openChild opens a child cgroup to descend into it.
func openChild(dir int, name string) (int, error) {
	return unix.Openat2(dir, name, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	})
}

// subdirs returns the names of the child cgroups.
func subdirs(dir int) ([]string, error) {
	fd, err := openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var names []string
	var buf [8 << 10]byte
	for {
		n, err := unix.Getdents(fd, buf[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return names, err
		}
		names = appendDirs(names, buf[:n])
	}
}
