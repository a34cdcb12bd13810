package cgroups

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// A JoinFile moves a process that writes "0" to it into the cgroup of one
// hierarchy.
type JoinFile struct {
	// Name is the hierarchy's controllers, such as "cpu,cpuacct".
	Name string
	// Fd is open for writing and close-on-exec. The caller closes it.
	Fd int
}

// JoinFiles opens the files that a single-threaded process joins the cgroup
// with, in the order in which to join. In v1 it is tasks, because cgroup.procs
// takes a lock that stops every fork of the machine; in the unified
// hierarchy it is cgroup.procs.
//
// It refuses a frozen cgroup: a process that joins one never comes back from
// the write.
func (m *Manager) JoinFiles() ([]JoinFile, error) {
	if isFrozen, err := m.Frozen(); err != nil {
		return nil, err
	} else if isFrozen {
		return nil, fmt.Errorf("joining cgroup %s: it is frozen", m.find("freezer").Path)
	}
	return m.JoinFilesAnyway()
}

// JoinFilesAnyway is JoinFiles without a look at the freezer: for callers who
// have looked, or whose process may wait until the cgroup is thawed.
func (m *Manager) JoinFilesAnyway() ([]JoinFile, error) {
	files := make([]JoinFile, 0, len(m.groups))
	for i := range m.groups {
		fd, err := m.groups[i].openJoin()
		if err != nil {
			for _, f := range files {
				unix.Close(f.Fd)
			}
			return nil, err
		}
		files = append(files, JoinFile{Name: m.groups[i].Controllers, Fd: fd})
	}
	return files, nil
}

func (g *group) openJoin() (int, error) {
	name := "tasks"
	if g.Controllers == unified {
		name = procs
	}
	var fd int
	var err error
	if g.dir >= 0 {
		fd, err = openat(g.dir, name, unix.O_WRONLY)
	} else {
		fd, err = openat(unix.AT_FDCWD, g.Path+"/"+name, unix.O_WRONLY)
	}
	if err != nil {
		return -1, fmt.Errorf("opening %s/%s: %w", g.Path, name, err)
	}
	return fd, nil
}

// procs is the file with the processes of a cgroup.
const procs = "cgroup.procs"

// Pids returns the processes in the cgroup itself, sorted, without those in its
// descendants. A cgroup that does not exist has none. Processes that the
// caller's pid namespace cannot see are left out.
func (m *Manager) Pids() ([]int, error) {
	if len(m.groups) == 0 {
		return nil, nil
	}
	g := m.listed()
	dir, err := g.open()
	if err != nil {
		return nil, ignoreGone(err)
	}
	return sorted(readPids(nil, dir))
}

// AllPids returns the processes in the cgroup and in its descendants, sorted.
func (m *Manager) AllPids() ([]int, error) {
	if len(m.groups) == 0 {
		return nil, nil
	}
	return sorted(m.listed().tree(nil))
}

// PidsEverywhere is AllPids of all hierarchies together: a process may be in some of
// them only, because it was just being born or somebody moved it.
func (m *Manager) PidsEverywhere() ([]int, error) {
	var pids []int
	for i := range m.groups {
		var err error
		if pids, err = m.groups[i].tree(pids); err != nil {
			return nil, err
		}
	}
	return sorted(pids, nil)
}

// listed is the group whose processes stand for the container's. The
// hierarchies agree unless someone moved a process in one of them only; what
// counts then is what can be frozen.
func (m *Manager) listed() *group {
	if g := m.find("freezer"); g != nil {
		return g
	}
	return &m.groups[0]
}

// tree appends the processes of the cgroup and its descendants.
func (g *group) tree(pids []int) ([]int, error) {
	dir, err := g.open()
	if err != nil {
		return pids, ignoreGone(err)
	}
	return treePids(pids, dir)
}

func treePids(pids []int, dir int) ([]int, error) {
	pids, err := readPids(pids, dir)
	if err != nil {
		return pids, err
	}
	children, err := subdirs(dir)
	if err != nil {
		return pids, ignoreGone(err)
	}
	for _, name := range children {
		child, err := openChild(dir, name)
		if err != nil {
			if ignoreGone(err) != nil {
				return pids, err
			}
			continue
		}
		pids, err = treePids(pids, child)
		unix.Close(child)
		if err != nil {
			return pids, err
		}
	}
	return pids, nil
}

func readPids(pids []int, dir int) ([]int, error) {
	text, err := readFile(dir, procs, 256)
	if err != nil {
		return pids, ignoreGone(fmt.Errorf("reading %s: %w", procs, err))
	}
	for line := range bytes.FieldsSeq(text) {
		pid, err := strconv.Atoi(string(line))
		if err != nil {
			return pids, fmt.Errorf("reading %s: %w", procs, err)
		}
		// 0 is a process of an outer pid namespace, and to kill(2) it
		// would be the caller's own process group.
		if pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func sorted(pids []int, err error) ([]int, error) {
	slices.Sort(pids)
	return slices.Compact(pids), err
}

// ignoreGone drops the errors that say that a cgroup is no longer there.
func ignoreGone(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENAMETOOLONG) { // what cannot be named was not made
		return nil
	}
	return err
}
