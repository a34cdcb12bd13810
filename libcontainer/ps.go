package libcontainer

import (
	"errors"
	"io/fs"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/namespaces"
	"github.com/rung-oci/rung/libcontainer/process"
)

// Processes returns the container's processes as the caller's pid namespace sees
// them, sorted: those in its cgroup and in the cgroups below it.
func (r *Runtime) Processes(id string) ([]int, error) {
	c, err := r.open(id, false)
	if err != nil {
		return nil, err
	}
	defer c.close()
	m := c.cgroup()
	defer m.Close()
	return c.members(m)
}

// members returns the processes of the container, as the caller's pid namespace sees
// them, sorted: those in its cgroup. Without one they are those in the pid or mount
// namespace of the first process, if that has its own; while that lives.
func (c *container) members(m cgroups.Manager) ([]int, error) {
	if c.hasCgroup() {
		return m.Processes()
	}
	own, err := c.ownNamespaces()
	if err != nil {
		return nil, err
	}
	return own.Processes()
}

// needsInit reports whether only through the first process, while it lives, the others are
// found, and that they outlive it.
func (c *container) needsInit() bool { return !c.hasCgroup() && !c.record.PrivatePids }

// ownNamespaces are the namespaces by which the container's processes can be told from
// others: those that were made for it. One that it joined is somebody else's, too.
// There are none when the first process has ended.
func (c *container) ownNamespaces() (namespaces.Set, error) {
	config, err := c.config()
	if errors.Is(err, fs.ErrNotExist) { // its creator was killed before it was saved
		config, err = new(specs.Spec), nil
	}
	if err != nil {
		return nil, err
	}
	var own namespaces.Set
	for _, kind := range [...]specs.LinuxNamespaceType{specs.PIDNamespace, specs.MountNamespace} {
		if !namespaces.Made(config, kind) {
			continue
		}
		mine, _ := namespaces.Of("self", kind) // a process that is being born may be there still
		if its, ok := namespaces.Of(strconv.Itoa(c.record.Init.Pid), kind); ok && its != mine {
			own = append(own, its)
		}
	}
	// what was read is of the first process only if that lives even now
	if state, err := c.record.Init.State(); err != nil || state != process.Running {
		return nil, err
	}
	return own, nil
}
