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
	if err != nil || state == thawed {
		return err
	}
	if err := g.checkParents(); err != nil {
		return err
	}
	return fmt.Errorf("thawing %s: it is %s again: somebody else freezes it", g.Path, state)
}

// ErrParentFrozen is why what was thawed does not go on.
var ErrParentFrozen = errors.New("a parent cgroup is frozen")

func (g *group) checkParents() error {
	is, err := g.value("freezer.parent_freezing")
	if err == nil && is != "0" {
		err = fmt.Errorf("thawing %s: it stays frozen: %w", g.Path, ErrParentFrozen)
	}
	return err
}

// Release lets processes that were killed end: what is frozen does not. It thaws the
// cgroup and those of its descendants that were frozen by themselves, and says
// whether there was any. Without a freezer, and after the cgroup is gone, there is
// none.
func (m *Manager) Release() (was bool, err error) {
	g := m.find("freezer")
	if g == nil {
		return false, nil
	}
	dir, err := g.open()
	if err != nil {
		return false, ignoreGone(err)
	}
	was, err = m.Frozen()
	if was || err != nil {
		if err = g.write("freezer.state", thawed); err == nil {
			err = g.checkParents()
		}
	}
	below, e := thawBelow(dir)
	if e != nil {
		e = fmt.Errorf("thawing below %s: %w", g.Path, e)
	}
	return was || below, errors.Join(ignoreGone(err), e)
}

// thawBelow thaws the descendants of a cgroup, and says whether one was frozen by
// itself.
func thawBelow(dir int) (was bool, err error) {
	children, err := subdirs(dir)
	if err != nil {
		return false, ignoreGone(err)
	}
	var errs []error
	for _, name := range children {
		is, err := thawChild(dir, name)
		was = was || is
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return was, errors.Join(errs...)
}

func thawChild(dir int, name string) (was bool, err error) {
	child, err := openChild(dir, name)
	if err != nil {
		return false, ignoreGone(err)
	}
	defer unix.Close(child)
	self, err := readValue(child, "freezer.self_freezing")
	if was = err == nil && self != "0"; was {
		err = writeFile(child, "freezer.state", thawed)
	}
	below, e := thawBelow(child)
	return was || below, errors.Join(ignoreGone(err), e)
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
