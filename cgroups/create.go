package cgroups

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Create makes the cgroup in every hierarchy, with its parents. What exists is
// used as it is. Where cpuset.cpus or cpuset.mems is empty it is copied from the
// nearest parent that has one, because nothing can join such a cgroup. On
// failure, everything that was made is removed again.
func (m *Manager) Create() error {
	made := make([]string, 0, len(m.groups))
	for i := range m.groups {
		if err := m.groups[i].create(&made); err != nil {
			return errors.Join(err, unmake(made))
		}
	}
	return nil
}

func (g *group) create(made *[]string) error {
	before := len(*made)
	if err := makeDir(g.Path, g.mountpoint, made); err != nil {
		return fmt.Errorf("creating cgroup %s: %w", g.Path, err)
	}
	if !contains(g.Controllers, "cpuset") {
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

// makeDir makes the directory and those above it up to the mount point, and
// adds each that it made to the list.
func makeDir(path, mountpoint string, made *[]string) error {
	err := unix.Mkdir(path, 0o755)
	if err == unix.ENOENT && path != mountpoint && path != "/" {
		if err := makeDir(filepath.Dir(path), mountpoint, made); err != nil {
			return err
		}
		err = unix.Mkdir(path, 0o755)
	}
	switch err {
	case nil:
		*made = append(*made, path)
		return nil
	case unix.EEXIST:
		return nil
	}
	return err
}

func unmake(made []string) error {
	var errs []error
	for i := len(made) - 1; i >= 0; i-- {
		if err := unix.Rmdir(made[i]); err != nil && err != unix.ENOENT {
			errs = append(errs, fmt.Errorf("removing %s again: %w", made[i], err))
		}
	}
	return errors.Join(errs...)
}

// inherit returns the value of a cpuset file in the cgroup path. An empty one is
// filled first, from the parent's, and so on up to the mount point.
func inherit(path, mountpoint, file string) (string, error) {
	name := path + "/" + file
	value, err := readValue(unix.AT_FDCWD, name)
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
	if err := writeFile(unix.AT_FDCWD, name, value); err != nil {
		return "", fmt.Errorf("writing %q to %s: %w", value, name, err)
	}
	return value, nil
}
