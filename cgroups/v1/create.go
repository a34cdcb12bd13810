package v1

import (
	"errors"
	"fmt"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Create implements [cgroups.Manager]. A controller that is missing for a limit is
// seen before any limit is set.
func (m *Manager) Create(r *specs.LinuxResources) (warnings []string, err error) {
	if err := m.make(); err != nil {
		return nil, &cgroups.MakeError{Err: err, Hint: hint(err)}
	}
	return m.set(r)
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
	case errors.Is(err, unix.ENOSPC):
		return "the parent has as many cgroups as it may have (cgroup.max.descendants, cgroup.max.depth), " +
			"or an empty cpuset"
	}
	return ""
}

// make makes the cgroup in every hierarchy. Where cpuset.cpus or cpuset.mems is
// empty it is copied from the nearest parent that has one, because nothing can join
// such a cgroup.
func (m *Manager) make() error {
	made := make([]string, 0, len(m.groups))
	for i := range m.groups {
		if err := m.groups[i].create(&made); err != nil {
			return errors.Join(err, cgroupfs.Unmake(made))
		}
	}
	return nil
}

func (g *group) create(made *[]string) error {
	before := len(*made)
	if err := cgroupfs.MakeDir(g.Path, g.mountpoint, made); err != nil {
		return fmt.Errorf("creating cgroup %s: %w", g.Path, err)
	}
	if !g.has("cpuset") {
		return nil
	}
	ensure := inherit
	if len(*made) > before {
		ensure = copyFromParent
	}
	for _, file := range [...]string{"cpuset.cpus", "cpuset.mems"} {
		if _, err := ensure(g.Path, g.mountpoint, file); err != nil {
			return err
		}
	}
	return nil
}

// inherit returns the value of a cpuset file in the cgroup path. An empty one is
// filled first, from the parent's, and so on up to the mount point.
func inherit(path, mountpoint, file string) (string, error) {
	name := path + "/" + file
	value, err := cgroupfs.ReadValue(unix.AT_FDCWD, name)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	if value != "" || path == mountpoint {
		return value, nil
	}
	return copyFromParent(path, mountpoint, file)
}

func copyFromParent(path, mountpoint, file string) (string, error) {
	value, err := inherit(filepath.Dir(path), mountpoint, file)
	if err != nil || value == "" {
		return value, err
	}
	name := path + "/" + file
	if err := cgroupfs.Write(unix.AT_FDCWD, name, value); err != nil {
		return "", fmt.Errorf("writing %q to %s: %w", value, name, err)
	}
	return value, nil
}

// MayMake tells why this user cannot make the cgroup and use it, in each of the hierarchies.
func (m *Manager) MayMake() error {
	for i := range m.groups {
		if err := cgroupfs.MayMake(m.groups[i].Path, m.groups[i].mountpoint); err != nil {
			return err
		}
	}
	return nil
}
