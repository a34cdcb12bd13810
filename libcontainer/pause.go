package libcontainer

import (
	"errors"
)

// Pause stops all processes of a container that is created or running, where they
// are. If that cannot be done in two seconds they go on, and the error says so.
func (r *Runtime) Pause(id string) error {
	c, err := r.openIn(id, "container not running", Running, Created)
	if err != nil {
		return err
	}
	defer c.close()
	m := c.cgroup()
	defer m.Close()
	r.at("freezing the cgroup")
	if err := m.Freeze(); err != nil {
		return err
	}
	// whoever has killed it may have looked for a frozen cgroup before there was one
	ending, err := c.record.Init.Ending()
	if err == nil && !ending {
		return nil
	}
	if err == nil {
		err = errors.New("container not running: it has ended")
	}
	return errors.Join(err, m.Thaw())
}

// Resume lets the processes of a paused container go on.
func (r *Runtime) Resume(id string) error {
	c, err := r.openIn(id, "container not paused", Paused)
	if err != nil {
		return err
	}
	defer c.close()
	m := c.cgroup()
	defer m.Close()
	r.at("thawing the cgroup")
	return m.Thaw()
}
