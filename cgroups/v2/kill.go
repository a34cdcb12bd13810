package v2

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Kill implements [cgroups.Manager]. With SIGKILL the kernel does it for the whole tree at once,
// whoever forks meanwhile, but it would not leave out the caller.
func (m *Manager) Kill(sig unix.Signal) error {
	pids, err := m.Occupants()
	if err != nil || len(pids) == 0 {
		return err
	}
	if sig == unix.SIGKILL && !slices.Contains(pids, os.Getpid()) {
		err := m.kill()
		if !errors.Is(err, errNoKill) {
			return err
		}
	}
	k := cgroupfs.Killing{
		Cgroup: m.dir.Path, Occupants: m.Occupants,
		StartFreezing: func() error { return cgroupfs.IgnoreGone(m.dir.Write(freezeFile, "1")) },
		Release:       m.thawed,
	}
	return k.Kill(sig)
}

// errNoKill is why a cgroup cannot be killed as a whole.
var errNoKill = errors.New("no cgroup.kill")

// kill kills all, and waits until none is left.
func (m *Manager) kill() error {
	e, err := m.events()
	if err != nil {
		return cgroupfs.IgnoreGone(err)
	}
	defer e.fd.Close()
	err = m.dir.Write("cgroup.kill", "1")
	switch {
	case errors.Is(err, unix.ENOENT) && m.Exists():
		return errNoKill
	case err != nil:
		return cgroupfs.IgnoreGone(err)
	}
	empty, err := e.await(isEmpty, time.Now().Add(cgroupfs.KillTimeout))
	if err != nil || empty {
		return cgroupfs.IgnoreGone(err)
	}
	left, err := m.Occupants()
	return errors.Join(err, fmt.Errorf("killing the processes of %s: processes %v did not end in %v",
		m.dir.Path, left, cgroupfs.KillTimeout))
}

// thawed thaws what Kill has frozen.
func (m *Manager) thawed() (was bool, err error) {
	return false, cgroupfs.IgnoreGone(m.dir.Write(freezeFile, "0"))
}
