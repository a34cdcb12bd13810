package libcontainer

import (
	"fmt"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/store"
)

// Processes returns the processes in the container's cgroup and in those below it,
// as the caller's pid namespace sees them, sorted.
func (r *Runtime) Processes(id string) ([]int, error) {
	c, err := r.open(id, false)
	if err != nil {
		return nil, err
	}
	defer c.close()
	m := c.cgroup()
	defer m.Close()
	if !m.Any() {
		if status, err := c.status(); err != nil || status == store.Stopped {
			return nil, err
		}
		return nil, fmt.Errorf("listing the processes: %w", cgroups.ErrNone)
	}
	return m.AllPids()
}
