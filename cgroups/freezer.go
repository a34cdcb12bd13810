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

// thawEvery is how long one attempt at freezing takes.
const thawEvery = 200 * time.Millisecond

// Freeze stops all processes of the cgroup and of its descendants, and returns
// when all are stopped. After two seconds it gives up. When it fails, none is left
// stopped.
func (m *Manager) Freeze() error {
	g := m.find("freezer")
	if g == nil {
		return fmt.Errorf("freezing: %w", m.lacks("freezer"))
	}
	err := g.freeze()
	if err != nil {
		err = errors.Join(err, ignoreGone(g.write("freezer.state", thawed)))
	}
	return err
}

func (g *group) freeze() error {
	deadline := time.Now().Add(freezeTimeout)
	thaw := time.Now().Add(thawEvery)
	for wait := newBackoff(10 * time.Microsecond); ; wait.sleep() {
		// A process that forks or joins while the cgroup is FREEZING can be
		// missed; writing again makes the kernel look again. One that waits in
		// the kernel for another that is frozen already needs that one to go on.
		if now := time.Now(); now.After(thaw) {
			thaw = now.Add(thawEvery)
			if err := g.write("freezer.state", thawed); err != nil {
				return err
			}
			wait.sleep()
		}
		if err := g.write("freezer.state", frozen); err != nil {
			return err
		}
		state, err := g.value("freezer.state")
		if err != nil || state == frozen {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("freezing %s: still not frozen after %v: a process waits in the kernel and cannot be stopped (see ps -o pid,stat,wchan: state D)", g.Path, freezeTimeout)
		}
	}
}

// Thaw lets the processes go on.
func (m *Manager) Thaw() error {
	g := m.find("freezer")
	if g == nil {
		return fmt.Errorf("thawing: %w", m.lacks("freezer"))
	}
	if err := g.write("freezer.state", thawed); err != nil {
		return err
	}
	state, err := g.value("freezer.state")
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
	state, err := g.value("freezer.state")
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
