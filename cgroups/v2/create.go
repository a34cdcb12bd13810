package v2

import (
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Create implements [cgroups.Manager].
func (m *Manager) Create(r *specs.LinuxResources) (warnings []string, err error) {
	if err := m.make(); err != nil {
		return nil, &cgroups.MakeError{Err: err, Hint: hint(err)}
	}
	return m.set(r)
}

// make makes the directory, with the parents that it needs.
func (m *Manager) make() error {
	h, err := m.hierarchy()
	if err != nil {
		return err
	}
	var made []string
	if err := cgroupfs.MakeDir(m.dir.Path, h.Mountpoint, &made); err != nil {
		return errors.Join(fmt.Errorf("creating cgroup %s: %w", m.dir.Path, err), cgroupfs.Unmake(made))
	}
	return nil
}

// hint says what can be done about a cgroup that cannot be made.
func hint(err error) string {
	switch {
	case errors.Is(err, unix.EROFS):
		return "the cgroups are mounted read-only here, as in an unprivileged container: " +
			"they have to be writable, or rung to run outside"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return "no cgroup is delegated to this user there: run rung as root, " +
			"or name one in linux.cgroupsPath that the user may write to"
	case errors.Is(err, unix.EAGAIN):
		return "a parent has as many cgroups as it may have (cgroup.max.descendants, cgroup.max.depth)"
	}
	return ""
}
