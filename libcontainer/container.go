package libcontainer

import (
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/libcontainer/failure"
	"github.com/rung-oci/rung/libcontainer/interrupt"
	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/spec"
)

// lockTimeout is how long a command waits for another one on the same container.
const lockTimeout = 30 * time.Second

// container is an existing container: its directory and what is recorded.
type container struct {
	dir       *store.Dir
	record    *store.Record
	interrupt *interrupt.Interruption // of hooks, nil: never
}

// open finds a container; lock says that its state is to be changed.
func (r *Runtime) open(id string, lock bool) (*container, error) {
	dir, err := r.Store.Open(id)
	if err != nil {
		return nil, failure.OfStore(err, r.Store.Root())
	}
	if lock {
		dir.Waiting = func(holder string) { r.Log.Warnf("container %s is locked: waiting for %s", id, holder) }
		if err := dir.Lock(lockTimeout); err != nil {
			dir.Close()
			return nil, err
		}
	}
	record, err := dir.Record()
	if err != nil {
		dir.Close()
		return nil, err
	}
	return &container{dir: dir, record: record}, nil
}

// openIn is open for a change, which only a container of certain states may undergo: wrong begins
// the error for the others.
func (r *Runtime) openIn(id, wrong string, states ...Status) (*container, error) {
	c, err := r.open(id, true)
	if err != nil {
		return nil, err
	}
	status, err := c.status()
	if err == nil && !slices.Contains(states, status) {
		err = fmt.Errorf("%s: it is %s", wrong, status)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *container) close() { c.dir.Close() }

// config is the configuration as it was at create, with the limits as update has
// changed them.
func (c *container) config() (*specs.Spec, error) {
	data, err := c.dir.ReadFile(store.ConfigName)
	if err != nil {
		return nil, fmt.Errorf("reading the saved configuration: %w", err)
	}
	s, _, err := spec.Load(data)
	if err != nil {
		return nil, fmt.Errorf("reading the saved configuration: %w", err)
	}
	return s, c.updated(s)
}
