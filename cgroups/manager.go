package cgroups

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A Manager is a container's cgroup: a directory of the same name in every
// hierarchy. It holds descriptors of the directories that it has used; Close
// gives them back. It is not safe for concurrent use.
type Manager struct {
	groups []group
}

// A group is the container's cgroup in one hierarchy.
type group struct {
	Cgroup
	mountpoint string // known while the cgroup is being created
	dir        int    // O_PATH descriptor of the directory, or -1
}

// State is what a container's record keeps of its cgroup.
type State struct {
	Cgroups []Cgroup `json:"cgroups"`
}

// A Cgroup is the container's cgroup in one hierarchy.
type Cgroup struct {
	// Controllers are the hierarchy's controllers, separated by commas, such as
	// "cpu,cpuacct" or "name=systemd", or "unified" for cgroup v2.
	Controllers string `json:"controllers"`
	// Path is the absolute path of the directory.
	Path string `json:"path"`
}

// New computes the cgroup of the container id from linux.cgroupsPath. It
// touches nothing.
//
// An absolute path starts at each hierarchy's mount point, a relative one at the
// caller's own cgroup in each hierarchy, and an empty one means the relative path
// id. A path such as "slice:prefix:name", which names a unit to systemd, is a
// relative path of one element here.
//
// The path is cleaned as text and never leads above where it starts: "/a/../b" is
// "/b", "../b" is "b". Refused are paths with NUL or a newline, and those that name no cgroup
// of their own ("/" and "a/.."): a container's cgroup is emptied and removed with
// it.
func New(h Hierarchies, cgroupsPath, id string) (*Manager, error) {
	if len(h) == 0 {
		return nil, errors.New("no cgroup hierarchy is mounted")
	}
	if cgroupsPath == "" {
		if strings.Contains(id, "/") {
			return nil, fmt.Errorf("container id %q cannot name a cgroup: it contains a slash", id)
		}
		cgroupsPath = id
	}
	name, err := cleanPath(cgroupsPath)
	if err != nil {
		return nil, fmt.Errorf("linux.cgroupsPath %q: %w", cgroupsPath, err)
	}
	m := &Manager{groups: make([]group, len(h))}
	for i := range h {
		parent := h[i].Mountpoint
		if !filepath.IsAbs(name) {
			if h[i].Own == "" {
				return nil, fmt.Errorf("linux.cgroupsPath %q: the caller's own cgroup in the hierarchy %s is outside of what is mounted at %s (%s): an absolute path is needed",
					cgroupsPath, h[i].label(), h[i].Mountpoint, h[i].Root)
			}
			parent = filepath.Join(parent, h[i].Own)
		}
		m.groups[i] = group{
			Cgroup:     Cgroup{Controllers: h[i].label(), Path: filepath.Join(parent, name)},
			mountpoint: h[i].Mountpoint,
			dir:        -1,
		}
	}
	return m, nil
}

func cleanPath(path string) (string, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return "", errors.New("contains NUL")
	}
	if strings.Contains(path, "\n") { // EINVAL by cgroup_mkdir of kernel/cgroup/cgroup.c, but only once there is a record of it
		return "", errors.New("contains a newline")
	}
	absolute := filepath.IsAbs(path)
	path = filepath.Clean("/" + path)
	if path == "/" {
		return "", errors.New("names no cgroup of the container's own")
	}
	if !absolute {
		path = path[1:]
	}
	return path, nil
}

// State returns what Restore needs.
func (m *Manager) State() State {
	s := State{Cgroups: make([]Cgroup, len(m.groups))}
	for i := range m.groups {
		s.Cgroups[i] = m.groups[i].Cgroup
	}
	return s
}

// Restore returns the Manager of a cgroup that was created before. It touches
// nothing.
func Restore(s State) *Manager {
	m := &Manager{groups: make([]group, len(s.Cgroups))}
	for i, c := range s.Cgroups {
		m.groups[i] = group{Cgroup: c, dir: -1}
	}
	return m
}

// Close closes the descriptors of directories. The Manager can still be used.
func (m *Manager) Close() {
	for i := range m.groups {
		m.groups[i].close()
	}
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
	fd, err := openDir(g.Path)
	if err != nil {
		return -1, fmt.Errorf("opening %s: %w", g.Path, err)
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
	v, err := readValue(dir, file)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", filepath.Join(g.Path, file), err)
	}
	return v, nil
}

func (g *group) readAll(file string) ([]byte, error) {
	dir, err := g.open()
	if err != nil {
		return nil, err
	}
	b, err := readFile(dir, file, 128)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(g.Path, file), err)
	}
	return b, nil
}

// write writes one value of the cgroup.
func (g *group) write(file, value string) error {
	dir, err := g.open()
	if err != nil {
		return err
	}
	if err := writeFile(dir, file, value); err != nil {
		return fmt.Errorf("writing %q to %s: %w", value, filepath.Join(g.Path, file), err)
	}
	return nil
}

// find returns the group that has the controller, or nil when the
// controller's hierarchy is not mounted.
func (m *Manager) find(controller string) *group {
	for i := range m.groups {
		if contains(m.groups[i].Controllers, controller) {
			return &m.groups[i]
		}
	}
	return nil
}

// ErrNone is why what needs a cgroup cannot be done with a container that has none.
var ErrNone = errors.New("the container has no cgroup (it was created with --cgroup-manager disabled)")

// lacks is the error of what needs a controller that the container does not have.
func (m *Manager) lacks(controller string) error {
	if len(m.groups) == 0 {
		return ErrNone
	}
	return fmt.Errorf("the %s controller is not mounted", controller)
}

// Any says whether the container has a cgroup in any hierarchy.
func (m *Manager) Any() bool { return len(m.groups) > 0 }

// Exists says whether the cgroup is there in at least one hierarchy.
func (m *Manager) Exists() bool {
	for i := range m.groups {
		if unix.Access(m.groups[i].Path, unix.F_OK) == nil {
			return true
		}
	}
	return false
}
