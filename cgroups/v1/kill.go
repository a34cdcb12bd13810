package v1

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Kill implements [cgroups.Manager].
func (m *Manager) Kill(sig unix.Signal) error {
	k := cgroupfs.Killing{Occupants: m.Occupants, StartFreezing: m.startFreezing, Release: m.Release}
	if len(m.groups) > 0 {
		k.Cgroup = m.listed().Path
	}
	return k.Kill(sig)
}

// startFreezing freezes the processes without waiting for it, if there is a freezer
// and a cgroup.
func (m *Manager) startFreezing() error {
	if g := m.find("freezer"); g != nil {
		return cgroupfs.IgnoreGone(g.Write("freezer.state", frozen))
	}
	return nil
}
