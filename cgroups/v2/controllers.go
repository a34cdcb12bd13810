package v2

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// A Need is a controller that a property is nothing without.
type Need struct{ Controller, Property string }

const (
	controllersFile = "cgroup.controllers"     // that a cgroup has
	subtreeFile     = "cgroup.subtree_control" // of those, that its children have
)

// enable makes sure that the cgroup has the controllers. A cgroup has those that its parent has
// and enables for its children, so that they are enabled down the path, from where they are
// missing. What is enabled already is left alone.
//
// An error is a [cgroups.MakeError] that names the property, the controller and the cgroup that
// is in the way.
func (m *Manager) enable(needs []Need) error {
	if len(needs) == 0 {
		return nil
	}
	h, err := m.hierarchy()
	if err != nil {
		return err
	}
	missing, err := lacking(m.dir.Path, needs)
	if err != nil {
		return err
	}
	type level struct {
		dir   string
		needs []Need // that it does not enable for its children
	}
	var levels []level
	for dir := m.dir.Path; len(missing) > 0; {
		if dir == h.Mountpoint || dir == "/" {
			return absent(h, missing[0])
		}
		dir = filepath.Dir(dir)
		levels = append(levels, level{dir, missing})
		if missing, err = lacking(dir, missing); err != nil {
			return err
		}
	}
	for _, l := range slices.Backward(levels) {
		if err := enableIn(l.dir, l.needs); err != nil {
			return err
		}
	}
	return nil
}

// lacking returns those of the controllers that a cgroup does not have.
func lacking(dir string, needs []Need) (missing []Need, err error) {
	file := filepath.Join(dir, controllersFile)
	text, err := cgroupfs.ReadValue(unix.AT_FDCWD, file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	has := strings.Fields(text)
	for _, n := range needs {
		if !slices.Contains(has, n.Controller) {
			missing = append(missing, n)
		}
	}
	return missing, nil
}

// enableIn enables controllers for the children of a cgroup that has them: with one write, which
// is whole or nothing, or else one by one, to know which it is that cannot be.
func enableIn(dir string, needs []Need) error {
	var f cgroupfs.Writer
	defer f.Close()
	write := func(value string) error { return f.Write(unix.AT_FDCWD, filepath.Join(dir, subtreeFile), value) }
	names := make([]string, len(needs))
	for i, n := range needs {
		names[i] = "+" + n.Controller
	}
	if write(strings.Join(names, " ")) == nil {
		return nil
	}
	for i, n := range needs {
		if err := write(names[i]); err != nil {
			return cannotEnable(dir, n, err)
		}
	}
	return nil
}

// absent is why a controller cannot be had that the topmost cgroup lacks.
func absent(h *cgroups.Hierarchy, n Need) error {
	err := fmt.Errorf("%s: the %s controller is not available", n.Property, n.Controller)
	if unix.Access(filepath.Join(h.Mountpoint, "cgroup.type"), unix.F_OK) == nil { // which the root of all has not
		has, _ := cgroupfs.ReadValue(unix.AT_FDCWD, filepath.Join(h.Mountpoint, controllersFile))
		return &cgroups.MakeError{
			Err: fmt.Errorf("%w: the cgroup that is mounted at %s has only %q", err, h.Mountpoint, has),
			Hint: "only its parent, outside of this container, can enable more: in " + subtreeFile +
				", as systemd does for a unit with Delegate=yes",
		}
	}
	name := n.Controller
	if name == "io" {
		name = "blkio"
	}
	text, _ := cgroupfs.Read(unix.AT_FDCWD, "/proc/cgroups", 2<<10)
	for line := range strings.Lines(string(text)) { // name, hierarchy, cgroups, enabled
		switch f := strings.Fields(line); {
		case len(f) != 4 || f[0] != name:
		case f[3] == "0":
			return &cgroups.MakeError{Err: fmt.Errorf("%w: it is switched off", err),
				Hint: "boot without cgroup_disable=" + name + ", or with cgroup_enable=" + name}
		case f[1] != "0":
			return &cgroups.MakeError{Err: fmt.Errorf("%w: it is used by cgroup v1", err),
				Hint: "unmount the cgroup v1 hierarchy of " + name + " everywhere"}
		}
	}
	return &cgroups.MakeError{Err: fmt.Errorf("%w: this kernel does not have it", err),
		Hint: "use a kernel with the " + n.Controller + " controller, or leave the limit out"}
}
