package v2

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/internal/kernel"
)

// Entry implements [cgroups.Manager]. A process is born in the cgroup.
func (m *Manager) Entry(evenFrozen bool) (e cgroups.Entry, err error) {
	if !evenFrozen {
		if isFrozen, err := m.Frozen(); err != nil {
			return e, err
		} else if isFrozen {
			return e, fmt.Errorf("joining cgroup %s: %w", m.dir.Path, cgroups.ErrFrozen)
		}
	}
	return entry(m.dir.Path)
}

// entry leads to a cgroup in which a process is born.
func entry(dir string) (e cgroups.Entry, err error) {
	fd, err := cgroupfs.Open(unix.AT_FDCWD, dir, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return e, cannotJoin(dir, err)
	}
	e.Dir = kernel.Own(fd)
	e.Files = []cgroups.EntryFile{{Name: cgroups.Unified, Fd: -1}}
	return e, nil
}

// EntryFiles implements [cgroups.Manager].
func (m *Manager) EntryFiles() (names []string, optional string) { return nil, cgroups.Unified }

// Move implements [cgroups.Manager]. To move takes a lock that stops every fork of the machine, but
// a move is not counted against a limit of processes.
func (m *Manager) Move(refusal error, first int) (cgroups.Entry, error) {
	switch {
	case errors.Is(refusal, unix.EAGAIN), errors.Is(refusal, cgroups.ErrFrozen):
		return m.move()
	case errors.Is(refusal, unix.EBUSY) && first > 0 && m.leaf == "":
		leaf, err := m.placeOf(first)
		if err != nil {
			return cgroups.Entry{}, fmt.Errorf("joining cgroup %s: %w: %w", m.dir.Path, refusal, err)
		}
		m.leaf = leaf
		return entry(leaf)
	}
	return cgroups.Entry{}, m.refused(refusal)
}

// move leads to the cgroup by a file.
func (m *Manager) move() (e cgroups.Entry, err error) {
	fd, err := m.openProcs()
	if err != nil {
		return e, err
	}
	e.Files = []cgroups.EntryFile{{Name: cgroups.Unified, Fd: fd, Charges: true}}
	return e, nil
}

func (m *Manager) openProcs() (int, error) {
	dir := m.joined()
	fd, err := cgroupfs.Open(unix.AT_FDCWD, filepath.Join(dir, cgroupfs.Procs), unix.O_WRONLY)
	if err != nil {
		return -1, cannotJoin(dir, err)
	}
	return fd, nil
}

// joined is where processes go.
func (m *Manager) joined() string {
	if m.leaf != "" {
		return m.leaf
	}
	return m.dir.Path
}

// placeOf is the cgroup of a process, if that is the container's or below it.
func (m *Manager) placeOf(pid int) (string, error) {
	h, err := m.hierarchy()
	if err != nil {
		return "", err
	}
	file := "/proc/" + strconv.Itoa(pid) + "/cgroup"
	text, err := cgroupfs.Read(unix.AT_FDCWD, file, 2<<10)
	if err != nil {
		return "", fmt.Errorf("the container's first process: reading %s: %w", file, err)
	}
	for line := range strings.Lines(string(text)) {
		path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::")
		if place := h.Below(path); ok && place != "" {
			if place = filepath.Join(h.Mountpoint, place); kernel.Below(place, m.dir.Path) {
				return place, nil
			}
			return "", fmt.Errorf("the container's first process has left the container's cgroup, to %s", place)
		}
	}
	return "", fmt.Errorf("the container's first process is in no cgroup that can be seen: %s: %q", file, text)
}
