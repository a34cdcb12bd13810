package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/spec"
)

// Update changes the limits of a container that is not stopped: what the patch gives,
// and nothing else. After an error they are what they were.
//
// What a limit is, the kernel knows: nothing reads it from anywhere else. What it
// was meant to be, as far as the kernel does not say (the rules of devices of a
// container that is allowed everything else) or when the cgroup is made anew
// (restore), is in the saved configuration, over which the file of updated resources
// lies: see [container.config]. That file is written last, so that after a crash in
// between the kernel has the new limits and the file the old ones.
func (r *Runtime) Update(id string, patch *specs.LinuxResources) error {
	if err := spec.ValidateResources(patch); err != nil {
		return err
	}
	c, err := r.open(id, true)
	if err != nil {
		return err
	}
	defer c.close()
	status, err := c.status()
	if err != nil {
		return err
	}
	if status == store.Stopped || status == store.Creating {
		return fmt.Errorf("container not running: it is %s", status)
	}
	present, err := c.resources()
	if err != nil {
		return err
	}
	m := c.cgroup()
	defer m.Close()
	r.at("changing the limits")
	change, err := m.Update(patch, present.Devices)
	if err != nil {
		return err
	}
	for _, w := range change.Warnings {
		r.Log.Warnf("%s", w)
	}
	r.at("saving the limits")
	if err := c.saveResources(mergeResources(present, patch)); err != nil {
		return errors.Join(err, change.Revert())
	}
	return nil
}

// resources are the limits that the container is meant to have.
func (c *container) resources() (*specs.LinuxResources, error) {
	s, err := c.config()
	if err != nil {
		return nil, err
	}
	if s.Linux == nil || s.Linux.Resources == nil {
		return new(specs.LinuxResources), nil
	}
	return s.Linux.Resources, nil
}

func (c *container) saveResources(r *specs.LinuxResources) error {
	if err := c.dir.WriteFile(store.ResourcesName, spec.EncodeResources(r)); err != nil {
		return fmt.Errorf("saving the resources: %w", err)
	}
	return nil
}

// updated puts the resources that update has saved into the configuration.
func (c *container) updated(s *specs.Spec) error {
	data, err := c.dir.ReadFile(store.ResourcesName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the saved resources: %w", err)
	}
	r, _, err := spec.LoadResources(data)
	if err != nil {
		return fmt.Errorf("reading the saved resources: %w", err)
	}
	if s.Linux == nil {
		s.Linux = new(specs.Linux)
	}
	s.Linux.Resources = r
	return nil
}
