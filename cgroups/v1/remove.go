package v1

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// removeTimeout bounds Remove. A process leaves its cgroup a moment after it was
// seen to end.
const removeTimeout = 2 * time.Second

// Remove implements [cgroups.Manager]. It only ever calls rmdir, which neither the
// root of a hierarchy nor a directory with files lets happen, and follows neither
// symbolic links nor mounts.
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
	for wait := cgroupfs.NewBackoff(20 * time.Microsecond); ; wait.Sleep() {
		err := unix.Rmdir(g.Path)
		switch {
		case cgroupfs.IgnoreGone(err) == nil:
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
	dir, err := cgroupfs.OpenDir(g.Path)
	if err != nil {
		if cgroupfs.IgnoreGone(err) != nil {
			err = fmt.Errorf("removing %s: %w", g.Path, err)
		}
		return nil, cgroupfs.IgnoreGone(err)
	}
	defer unix.Close(dir)
	if err := cgroupfs.RemoveChildren(dir); err != nil && !errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("removing below %s: %w", g.Path, err)
	}
	return sorted(cgroupfs.AppendTreePids(nil, dir))
}
