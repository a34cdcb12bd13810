package libcontainer

import (
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/store"
)

// A Status is a container's status as `state` prints it: one of those of
// runtime-spec, runtime.md "State", or paused.
type Status string

const (
	Creating Status = "creating"
	Created  Status = "created"
	Running  Status = "running"
	Paused   Status = "paused"
	Stopped  Status = "stopped"
)

// facts are what is known of a container when its status is asked for. All of
// them but the phase are the kernel's word.
type facts struct {
	// phase is the phase in the container's record.
	phase store.Phase
	// creator reports whether another process holds the container's lock in
	// [store.PhaseCreating]: the one that creates the container is alive.
	creator bool
	// init is the state of the container's first process.
	init process.State
	// image reports whether that process still executes the image it was made
	// from: the birth program has not come to its execve.
	image bool
	// frozen reports whether the container's cgroup is frozen.
	frozen bool
}

// status derives the status: the one place where it is decided. A container whose
// creator died on the way is stopped if nothing of it runs, so that it can be deleted.
func (f facts) status() Status {
	switch {
	case f.phase == store.PhaseCreating && f.creator:
		return Creating
	case f.init != process.Running:
		return Stopped
	case f.frozen:
		return Paused
	case f.phase == store.PhaseCreating:
		return Creating
	case f.image:
		return Created
	}
	return Running
}

// inspect finds out all facts but frozen, soon after the container was opened. Its record
// is replaced if create has written another one meanwhile. It need not be locked.
func (c *container) inspect() (f facts, err error) {
	r := c.record
	if r.Phase == store.PhaseCreating {
		if f.creator, err = c.dir.Busy(); err != nil {
			return facts{}, err
		}
		// Between the two looks create may have succeeded. Once its lock is
		// free, the record is the last that it wrote.
		if !f.creator {
			if r, err = c.dir.Record(); err != nil {
				return facts{}, err
			}
		}
	}
	f.phase = r.Phase
	f.image, err = r.Init.Executes(r.ImageDev, r.ImageIno)
	if err != nil {
		return facts{}, err
	}
	if f.image {
		f.init = process.Running
	} else if f.init, err = r.Init.State(); err != nil {
		return facts{}, err
	}
	c.record = r
	return f, nil
}

// status derives the container's status. The cgroup is looked at last, and only if
// something runs: what has ended is not paused.
func (c *container) status() (Status, error) {
	f, err := c.inspect()
	if err != nil {
		return "", err
	}
	if f.init == process.Running {
		m := c.cgroup()
		defer m.Close()
		if f.frozen, err = m.Frozen(); err != nil {
			return "", err
		}
	}
	return f.status(), nil
}
