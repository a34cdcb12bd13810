package cgroups

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// States in freezer.state (Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst).
const (
	frozen = "FROZEN"
	thawed = "THAWED"
)

// freezeTimeout bounds Freeze: a process in an uninterruptible wait cannot be
// frozen.
const freezeTimeout = 2 * time.Second

// Freeze stops all processes of the cgroup and of its descendants, and returns
// when all are stopped. After two seconds it gives up, thaws them and returns an
// error.
func (m *Manager) Freeze() error {
	g := m.find("freezer")
	if g == nil {
		return errors.New("freezing: the freezer controller is not mounted")
	}
	deadline := time.Now().Add(freezeTimeout)
	for wait := newBackoff(10 * time.Microsecond); ; wait.sleep() {
		// A process that forks or joins while the cgroup is FREEZING can be
		// missed; writing again makes the kernel look again.
		if err := g.write("freezer.state", frozen); err != nil {
			return err
		}
		state, err := g.read("freezer.state")
		if err != nil || state == frozen {
			return err
		}
		if time.Now().After(deadline) {
			break
		}
	}
	err := fmt.Errorf("freezing %s: still not frozen after %v", g.Path, freezeTimeout)
	return errors.Join(err, g.write("freezer.state", thawed))
}

// Thaw lets the processes go on.
func (m *Manager) Thaw() error {
	g := m.find("freezer")
	if g == nil {
		return errors.New("thawing: the freezer controller is not mounted")
	}
	if err := g.write("freezer.state", thawed); err != nil {
		return err
	}
	state, err := g.read("freezer.state")
	if err == nil && state != thawed {
		err = fmt.Errorf("thawing %s: it is still %s, because a parent cgroup is frozen", g.Path, state)
	}
	return err
}

// Frozen says whether the cgroup is frozen or being frozen, by itself or by a
// parent. Without a freezer, and after the cgroup is gone, it is not.
func (m *Manager) Frozen() (bool, error) {
	g := m.find("freezer")
	if g == nil {
		return false, nil
	}
	state, err := g.read("freezer.state")
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return false, nil
	}
	return err == nil && state != thawed, err
}

// A backoff sleeps for times that double, up to ten milliseconds.
type backoff struct{ next time.Duration }

func newBackoff(first time.Duration) backoff { return backoff{first} }

func (b *backoff) sleep() {
	time.Sleep(b.next)
	b.next = min(2*b.next, 10*time.Millisecond)
}
