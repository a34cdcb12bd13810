package v1

import (
	"strings"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// A group is the container's cgroup in one hierarchy.
type group struct {
	cgroupfs.Group
	// label is that of the hierarchy: its controllers, separated by commas, such as
	// "cpu,cpuacct" or "name=systemd", or [cgroups.Unified].
	label string

	mountpoint string // known while the cgroup is being created
}

// has reports whether the hierarchy has the controller.
func (g *group) has(controller string) bool {
	return strings.Contains(","+g.label+",", ","+controller+",")
}
