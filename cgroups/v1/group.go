package v1

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// A group is the container's cgroup in one hierarchy.
type group struct {
	// label is that of the hierarchy: its controllers, separated by commas, such as
	// "cpu,cpuacct" or "name=systemd", or [cgroups.Unified].
	label string
	path  string // absolute, of the directory

	mountpoint string // known while the cgroup is being created
	dir        int    // O_PATH descriptor of the directory, or -1
}

// has reports whether the hierarchy has the controller.
func (g *group) has(controller string) bool {
	return strings.Contains(","+g.label+",", ","+controller+",")
}

func (g *group) close() {
	if g.dir >= 0 {
		unix.Close(g.dir)
		g.dir = -1
	}
}

// open returns the descriptor of the directory.
func (g *group) open() (int, error) {
	if g.dir >= 0 {
		return g.dir, nil
	}
	fd, err := cgroupfs.OpenDir(g.path)
	if err != nil {
		return -1, fmt.Errorf("opening %s: %w", g.path, err)
	}
	g.dir = fd
	return fd, nil
}

// read reads one value of the cgroup.
func (g *group) read(file string) (string, error) {
	b, err := g.readAll(file)
	return strings.TrimSpace(string(b)), err
}

// value reads a file that holds one short value.
func (g *group) value(file string) (string, error) {
	dir, err := g.open()
	if err != nil {
		return "", err
	}
	v, err := cgroupfs.ReadValue(dir, file)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", filepath.Join(g.path, file), err)
	}
	return v, nil
}

func (g *group) readAll(file string) ([]byte, error) {
	dir, err := g.open()
	if err != nil {
		return nil, err
	}
	b, err := cgroupfs.Read(dir, file, 128)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(g.path, file), err)
	}
	return b, nil
}

// write writes one value of the cgroup.
func (g *group) write(file, value string) error {
	dir, err := g.open()
	if err != nil {
		return err
	}
	if err := cgroupfs.Write(dir, file, value); err != nil {
		return fmt.Errorf("writing %q to %s: %w", value, filepath.Join(g.path, file), err)
	}
	return nil
}
