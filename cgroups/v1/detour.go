package v1

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/internal/kernel"
)

// Detour implements [cgroups.Manager]. Only the hierarchy of pids is left, for a cgroup below
// the caller's own: beside the container's, a parent that is full would be in the way
// again.
func (m *Manager) Detour(pid int) (*cgroups.Detour, error) {
	g := m.find("pids")
	found, err := m.hierarchies()
	if err != nil || g == nil {
		return nil, cmp.Or(err, notMounted("pids"))
	}
	for _, h := range found {
		if h.Label() == g.label && h.Own != "" {
			return g.detour(filepath.Join(h.Mountpoint, h.Own), pid)
		}
	}
	return nil, fmt.Errorf("the caller's own cgroup in the hierarchy %s cannot be seen", g.label)
}

func (g *group) detour(below string, pid int) (*cgroups.Detour, error) {
	dir, err := os.MkdirTemp(below, "rung-detour-")
	if err != nil {
		return nil, err
	}
	d := &cgroups.Detour{Dir: dir}
	for _, w := range [...]struct{ file, value string }{{"pids.max", "2"}, {"tasks", strconv.Itoa(pid)}} {
		at := filepath.Join(dir, w.file)
		if err := cgroupfs.Write(unix.AT_FDCWD, at, w.value); err != nil {
			d.Close()
			return nil, fmt.Errorf("writing %q to %s: %w", w.value, at, err)
		}
	}
	e := cgroups.Entry{}
	if err := g.enter(&e); err != nil {
		d.Close()
		return nil, err
	}
	d.Back = kernel.Own(e.Files[0].Fd)
	return d, nil
}
