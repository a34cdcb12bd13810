package v2

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/internal/kernel"
)

// Detour implements [cgroups.Manager]. It leads to a cgroup beside the topmost one that is full, the
// container's or a parent: below that no clone succeeds. There it has no more room than is needed:
// the parent has the controller of pids, since its child has a limit.
func (m *Manager) Detour(pid int) (*cgroups.Detour, error) {
	full, err := m.topmostFull()
	if err != nil {
		return nil, err
	}
	back, err := m.openProcs()
	if err != nil {
		return nil, err
	}
	d := &cgroups.Detour{Back: kernel.Own(back)}
	if d.Dir, err = os.MkdirTemp(filepath.Dir(full), "rung-detour-"); err != nil {
		d.Close()
		return nil, fmt.Errorf("%s has as many processes as it may (pids.max), and no cgroup can be made beside it: %w",
			full, err)
	}
	for _, w := range [...]struct{ file, value string }{{"pids.max", "2"}, {cgroupfs.Procs, strconv.Itoa(pid)}} {
		at := filepath.Join(d.Dir, w.file)
		if err := cgroupfs.Write(unix.AT_FDCWD, at, w.value); err != nil {
			d.Close()
			return nil, fmt.Errorf("writing %q to %s: %w", w.value, at, err)
		}
	}
	return d, nil
}

// topmostFull is the cgroup next to the root, on the way to the container's, that has as many
// processes as it may.
func (m *Manager) topmostFull() (string, error) {
	h, err := m.hierarchy()
	if err != nil {
		return "", err
	}
	full := ""
	for dir := m.joined(); dir != h.Mountpoint && dir != "/"; dir = filepath.Dir(dir) {
		if isFull(dir) {
			full = dir
		}
	}
	if full == "" {
		return "", fmt.Errorf("neither %s nor a parent has as many processes as it may (pids.max): "+
			"the limit is the user's (ulimit -u) or the machine's (kernel.pid_max, kernel.threads-max)", m.joined())
	}
	return full, nil
}

func isFull(dir string) bool {
	number := func(file string) (uint64, bool) {
		text, err := cgroupfs.ReadValue(unix.AT_FDCWD, filepath.Join(dir, file))
		n, numErr := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
		return n, err == nil && numErr == nil
	}
	most, limited := number("pids.max")
	if !limited {
		return false
	}
	now, ok := number("pids.current")
	return ok && now >= most
}
