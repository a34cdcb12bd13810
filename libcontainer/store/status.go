package store

import "github.com/rung-oci/rung/libcontainer/process"

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

// Facts is what is known of a container when its status is asked for. All of
// it but the phase is the kernel's word.
type Facts struct {
	// Phase is the phase in the container's record.
	Phase Phase
	// Creator tells whether another process holds the container's lock in
	// PhaseCreating: the one that creates the container is alive.
	Creator bool
	// Init is the state of the container's first process.
	Init process.State
	// Image tells whether that process still executes the image it was made
	// from: the birth program has not come to its execve.
	Image bool
	// Frozen tells whether the container's cgroup is frozen.
	Frozen bool
}

// Status derives the status. A container whose creator died on the way is
// stopped if nothing of it runs, so that it can be deleted.
func (f Facts) Status() Status {
	switch {
	case f.Phase == PhaseCreating && f.Creator:
		return Creating
	case f.Init != process.Running:
		return Stopped
	case f.Frozen:
		return Paused
	case f.Phase == PhaseCreating:
		return Creating
	case f.Image:
		return Created
	}
	return Running
}

// Inspect finds out all facts but Frozen, which is left false. r is the container's
// record as it was just read; the one that is returned is another one if create has
// written it meanwhile. The directory need not be locked.
func (d *Dir) Inspect(r *Record) (_ *Record, f Facts, err error) {
	if r.Phase == PhaseCreating {
		if f.Creator, err = d.Busy(); err != nil {
			return nil, Facts{}, err
		}
		// Between the two looks create may have succeeded. Once its lock is
		// free, the record is the last that it wrote.
		if !f.Creator {
			if r, err = d.Record(); err != nil {
				return nil, Facts{}, err
			}
		}
	}
	f.Phase = r.Phase
	f.Image, err = r.Init.Executes(r.ImageDev, r.ImageIno)
	if err != nil {
		return nil, Facts{}, err
	}
	if f.Image {
		f.Init = process.Running
	} else if f.Init, err = r.Init.State(); err != nil {
		return nil, Facts{}, err
	}
	return r, f, nil
}
