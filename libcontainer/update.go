package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/spec"
)

// Update changes the limits of a container that is not stopped: what the patch gives,
// and nothing else. After an error they are what they were.
//
// What a limit is, the kernel knows: nothing reads it from anywhere else. What it was meant
// to be, as far as the kernel does not say (the rules of devices of a container that is
// allowed everything else, the shares of one that is idle, the limit of memory and swap
// together) or when the cgroup is made anew (restore), is in the saved configuration, to which
// the file of what was updated is applied: see [container.config]. That file is written last,
// so that after a crash in between the kernel has the new limits and the file the old ones.
func (r *Runtime) Update(id string, patch *specs.LinuxResources) error {
	if err := spec.ValidateResources(patch); err != nil {
		return err
	}
	c, err := r.openIn(id, "container not running", Created, Running, Paused)
	if err != nil {
		return err
	}
	defer c.close()
	patches, err := c.patches()
	if err != nil {
		return err
	}
	present, err := c.inForce(patch)
	if err != nil {
		return err
	}
	m := c.cgroup()
	defer m.Close()
	r.at("changing the limits")
	change, err := m.Update(patch, present)
	if err != nil {
		return err
	}
	r.warn(change.Warnings)
	r.at("saving the limits")
	if err := c.savePatches(spec.MergeResources(patches, patch)); err != nil {
		return errors.Join(err, change.Revert())
	}
	return nil
}

// inForce are the resources that the container is meant to have, or nil where the
// patch needs nothing of them that the kernel does not tell: to read them takes time.
func (c *container) inForce(patch *specs.LinuxResources) (*specs.LinuxResources, error) {
	memory := patch.Memory != nil && patch.Memory.Limit != nil && patch.Memory.Swap == nil
	if len(patch.Devices) == 0 && (patch.CPU == nil || patch.CPU.Idle == nil) && !memory {
		return nil, nil
	}
	s, err := c.config()
	if err != nil {
		return nil, err
	}
	return limits(s), nil
}

// patches are all that update has changed, in one patch, nil if that is nothing.
// To read and write it is quicker than the whole configuration.
func (c *container) patches() (*specs.LinuxResources, error) {
	data, err := c.dir.ReadFile(store.ResourcesName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the saved resources: %w", err)
	}
	r, _, err := spec.LoadResources(data)
	return r, kernel.Failed("reading the saved resources", err)
}

func (c *container) savePatches(r *specs.LinuxResources) error {
	return kernel.Failed("saving the resources", c.dir.WriteFile(store.ResourcesName, spec.EncodeResources(r)))
}

// updated applies to the configuration what update has changed.
func (c *container) updated(s *specs.Spec) error {
	patches, err := c.patches()
	if err != nil || patches == nil {
		return err
	}
	s.Linux = cmp.Or(s.Linux, new(specs.Linux))
	s.Linux.Resources = spec.MergeResources(s.Linux.Resources, patches)
	return nil
}
