package cgroupfs

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// A Group is a cgroup in one hierarchy: a directory that is opened when it is used first,
// and kept open until Close. It is not to be copied once it was used.
type Group struct {
	Path string // absolute, of the directory
	dir  kernel.Fd
}

// Opened returns the Group of a directory that is open already, and that is the Group's
// from now on.
func Opened(path string, dir int) Group { return Group{path, kernel.Own(dir)} }

// Open returns an O_PATH descriptor of the directory, which stays the Group's.
func (g *Group) Open() (int, error) {
	if g.dir.Ok() {
		return g.dir.Int(), nil
	}
	fd, err := OpenDir(g.Path)
	if err != nil {
		return -1, fmt.Errorf("opening %s: %w", g.Path, err)
	}
	g.dir = kernel.Own(fd)
	return fd, nil
}

// Close closes the directory. The Group can still be used.
func (g *Group) Close() { g.dir.Close() }

// Read reads one value of the cgroup.
func (g *Group) Read(file string) (string, error) {
	b, err := g.ReadAll(file)
	return strings.TrimSpace(string(b)), err
}

// Value reads a file that holds one short value.
func (g *Group) Value(file string) (string, error) {
	dir, err := g.Open()
	if err != nil {
		return "", err
	}
	v, err := ReadValue(dir, file)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", filepath.Join(g.Path, file), err)
	}
	return v, nil
}

// ReadAll reads a file to its end.
func (g *Group) ReadAll(file string) ([]byte, error) {
	dir, err := g.Open()
	if err != nil {
		return nil, err
	}
	b, err := Read(dir, file, 128)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(g.Path, file), err)
	}
	return b, nil
}

// Lacks reports that the cgroup is there but not the file.
func (g *Group) Lacks(file string) bool {
	there := func(file string) error { return unix.Faccessat(g.dir.Int(), file, unix.F_OK, 0) }
	return g.dir.Ok() && there(file) == unix.ENOENT && there(Procs) == nil
}

// Write writes one value of the cgroup.
func (g *Group) Write(file, value string) error {
	dir, err := g.Open()
	if err != nil {
		return err
	}
	if err := Write(dir, file, value); err != nil {
		return fmt.Errorf("writing %q to %s: %w", value, filepath.Join(g.Path, file), err)
	}
	return nil
}

// AppendPids appends the processes of the cgroup and its descendants. One that is gone has none.
func (g *Group) AppendPids(pids []int) ([]int, error) {
	dir, err := g.Open()
	if err != nil {
		return pids, IgnoreGone(err)
	}
	return AppendTreePids(pids, dir)
}

// Sorted sorts pids and leaves each once.
func Sorted(pids []int, err error) ([]int, error) {
	slices.Sort(pids)
	return slices.Compact(pids), err
}
