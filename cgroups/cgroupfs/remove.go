package cgroupfs

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// RemoveTimeout bounds the removal of a cgroup. A process leaves its cgroup a moment after it was
// seen to end.
const RemoveTimeout = 2 * time.Second

// Remove removes the cgroup and its descendants; one that is gone is removed. It only ever calls
// rmdir, which neither the root of a hierarchy nor a directory with files lets happen, and
// follows neither symbolic links nor mounts. After the deadline the error, EBUSY, names the
// processes that are left.
func (g *Group) Remove(deadline time.Time) error {
	for wait := NewBackoff(20 * time.Microsecond); ; wait.Sleep() {
		err := unix.Rmdir(g.Path)
		switch {
		case IgnoreGone(err) == nil:
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
func (g *Group) removeDescendants() (left []int, err error) {
	dir, err := OpenDir(g.Path)
	if err != nil {
		if IgnoreGone(err) != nil {
			err = fmt.Errorf("removing %s: %w", g.Path, err)
		}
		return nil, IgnoreGone(err)
	}
	defer unix.Close(dir)
	if err := RemoveChildren(dir); err != nil && !errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("removing below %s: %w", g.Path, err)
	}
	return Sorted(AppendTreePids(nil, dir))
}
