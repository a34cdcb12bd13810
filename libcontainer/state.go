package libcontainer

import (
	"errors"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/libcontainer/failure"
	"github.com/rung-oci/rung/libcontainer/store"
)

// State is what `state` and `list` show of a container.
type State struct {
	specs.State
	Rootfs  string
	Created time.Time
	UID     uint32
}

func (c *container) state() (*State, error) {
	status, err := c.status()
	if err != nil {
		return nil, err
	}
	r := c.record
	s := &State{State: c.hookState(specs.ContainerState(status)), Rootfs: r.Rootfs, Created: r.Created, UID: r.UID}
	if status == Stopped {
		s.Pid = 0
	}
	return s, nil
}

// State reports on a container.
func (r *Runtime) State(id string) (*State, error) {
	c, err := r.open(id, false)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.state()
}

// List reports on all containers, sorted by id. One that disappears meanwhile is
// left out; one that cannot be read is logged.
func (r *Runtime) List() ([]*State, error) {
	ids, err := r.Store.List()
	if err != nil {
		return nil, failure.OfStore(err, r.Store.Root())
	}
	var list []*State
	for _, id := range ids {
		s, err := r.State(id)
		switch {
		case err == nil:
			list = append(list, s)
		case !errors.Is(err, store.ErrNotExist):
			r.Log.Warnf("container %s: %v", id, err)
		}
	}
	return list, nil
}
