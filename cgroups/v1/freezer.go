package v1

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
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

// Freeze implements [cgroups.Manager].
func (m *Manager) Freeze() error {
	g := m.find("freezer")
	if g == nil {
		return fmt.Errorf("freezing: %w", notMounted("freezer"))
	}
	err := g.freeze()
	if err != nil {
		err = errors.Join(err, cgroupfs.IgnoreGone(g.Write("freezer.state", thawed)))
	}
	return err
}

func (g *group) freeze() error {
	deadline := time.Now().Add(freezeTimeout)
	thaw := time.Now().Add(thawEvery)
	for wait := cgroupfs.NewBackoff(10 * time.Microsecond); ; wait.Sleep() {
		// A process that forks or joins while the cgroup is FREEZING can be
		// missed; writing again makes the kernel look again. One that waits in
		// the kernel for another that is frozen already needs that one to go on.
		if now := time.Now(); now.After(thaw) {
			thaw = now.Add(thawEvery)
			if err := g.Write("freezer.state", thawed); err != nil {
				return err
			}
			wait.Sleep()
		}
		if err := g.Write("freezer.state", frozen); err != nil {
			return err
		}
		state, err := g.Value("freezer.state")
		if err != nil || state == frozen {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("freezing %s: still not frozen after %v: a process waits in the kernel "+
				"and cannot be stopped (see ps -o pid,stat,wchan: state D)", g.Path, freezeTimeout)
		}
	}
}

// Thaw implements [cgroups.Manager].
func (m *Manager) Thaw() error {
	g := m.find("freezer")
	if g == nil {
		return fmt.Errorf("thawing: %w", notMounted("freezer"))
	}
	if err := g.Write("freezer.state", thawed); err != nil {
		return err
	}
	state, err := g.Value("freezer.state")
	if err != nil || state == thawed {
		return err
	}
	if err := g.checkParents(); err != nil {
		return err
	}
	return fmt.Errorf("thawing %s: it is %s again: somebody else freezes it", g.Path, state)
}

func (g *group) checkParents() error {
	is, err := g.Value("freezer.parent_freezing")
	if err == nil && is != "0" {
		err = fmt.Errorf("thawing %s: it stays frozen: %w", g.Path, cgroups.ErrParentFrozen)
	}
	return err
}

// Release implements [cgroups.Manager]. Without a freezer nothing was frozen.
func (m *Manager) Release() (was bool, err error) {
	g := m.find("freezer")
	if g == nil {
		return false, nil
	}
	dir, err := g.Open()
	if err != nil {
		return false, cgroupfs.IgnoreGone(err)
	}
	was, err = m.Frozen()
	if was || err != nil {
		if err = g.Write("freezer.state", thawed); err == nil {
			err = g.checkParents()
		}
	}
	below, e := thawBelow(dir)
	if e != nil {
		e = fmt.Errorf("thawing below %s: %w", g.Path, e)
	}
	return was || below, errors.Join(cgroupfs.IgnoreGone(err), e)
}

// thawBelow thaws the descendants of a cgroup, and reports whether one was frozen by
// itself.
func thawBelow(dir int) (was bool, err error) {
	children, err := cgroupfs.Children(dir)
	if err != nil {
		return false, cgroupfs.IgnoreGone(err)
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
	child, err := cgroupfs.OpenChild(dir, name)
	if err != nil {
		return false, cgroupfs.IgnoreGone(err)
	}
	defer unix.Close(child)
	self, err := cgroupfs.ReadValue(child, "freezer.self_freezing")
	if was = err == nil && self != "0"; was {
		err = cgroupfs.Write(child, "freezer.state", thawed)
	}
	below, e := thawBelow(child)
	return was || below, errors.Join(cgroupfs.IgnoreGone(err), e)
}

// Frozen implements [cgroups.Manager]. Without a freezer the cgroup is not.
func (m *Manager) Frozen() (bool, error) {
	g := m.find("freezer")
	if g == nil {
		return false, nil
	}
	state, err := g.Value("freezer.state")
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return false, nil
	}
	return err == nil && state != thawed, err
}
