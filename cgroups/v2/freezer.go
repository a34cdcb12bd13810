package v2

import (
	"errors"
	"fmt"
	"time"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// freezeTimeout bounds Freeze: a process in an uninterruptible wait cannot be
// frozen.
const freezeTimeout = 2 * time.Second

const (
	freezeFile = "cgroup.freeze"
	isFrozen   = "frozen 1" // lines of cgroup.events
	isEmpty    = "populated 0"
)

// Freeze implements [cgroups.Manager].
func (m *Manager) Freeze() error {
	err := m.freeze()
	if err != nil {
		err = errors.Join(err, cgroupfs.IgnoreGone(m.dir.Write(freezeFile, "0")))
	}
	return err
}

func (m *Manager) freeze() error {
	e, err := m.events()
	if err != nil {
		return fmt.Errorf("freezing %s: %w", m.dir.Path, err)
	}
	defer e.fd.Close()
	if err := m.dir.Write(freezeFile, "1"); err != nil {
		return err
	}
	frozen, err := e.await(isFrozen, time.Now().Add(freezeTimeout))
	if err == nil && !frozen {
		err = fmt.Errorf("still not frozen after %v: a process waits in the kernel "+
			"and cannot be stopped (see ps -o pid,stat,wchan: state D)", freezeTimeout)
	}
	if err != nil {
		return fmt.Errorf("freezing %s: %w", m.dir.Path, err)
	}
	return nil
}

// Thaw implements [cgroups.Manager].
func (m *Manager) Thaw() error {
	if err := m.dir.Write(freezeFile, "0"); err != nil {
		return err
	}
	e, err := m.events()
	if err != nil {
		return err
	}
	defer e.fd.Close()
	if e.has(isFrozen) {
		return fmt.Errorf("thawing %s: it stays frozen: %w", m.dir.Path, cgroups.ErrParentFrozen)
	}
	return nil
}

// Frozen implements [cgroups.Manager]. One without processes is frozen at once, and one in which some
// are still to be stopped says so only in what was asked for.
func (m *Manager) Frozen() (bool, error) {
	e, err := m.events()
	if err != nil {
		return false, cgroupfs.IgnoreGone(err)
	}
	defer e.fd.Close()
	if frozen := e.has(isFrozen); frozen || e.has(isEmpty) {
		return frozen, nil
	}
	asked, err := m.dir.Value(freezeFile)
	return asked == "1", cgroupfs.IgnoreGone(err)
}

// Release implements [cgroups.Manager]. Here also what is frozen ends when it is killed, below a
// frozen parent, too.
func (m *Manager) Release() (was bool, err error) { return false, nil }

// FreezerDir implements [cgroups.Manager].
func (m *Manager) FreezerDir() string { return m.dir.Path }
