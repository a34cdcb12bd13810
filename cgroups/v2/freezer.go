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
	isFrozen   = "frozen 1"
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
	frozen, err := m.event(isFrozen)
	if err == nil && frozen {
		err = fmt.Errorf("thawing %s: it stays frozen: %w", m.dir.Path, cgroups.ErrParentFrozen)
	}
	return err
}

// Frozen implements [cgroups.Manager].
func (m *Manager) Frozen() (bool, error) {
	frozen, err := m.event(isFrozen)
	if err == nil && !frozen { // being frozen?
		var asked string
		asked, err = m.dir.Value(freezeFile)
		frozen = asked == "1"
	}
	return frozen, cgroupfs.IgnoreGone(err)
}

// event reports whether cgroup.events has the line.
func (m *Manager) event(line string) (bool, error) {
	e, err := m.events()
	if err != nil {
		return false, err
	}
	defer e.fd.Close()
	return e.has(line)
}

// Release implements [cgroups.Manager]. Here also what is frozen ends when it is killed, below a
// frozen parent, too.
func (m *Manager) Release() (was bool, err error) { return false, nil }

// FreezerDir implements [cgroups.Manager].
func (m *Manager) FreezerDir() string { return m.dir.Path }
