package limits

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// A Target is the cgroup that a plan is written to.
type Target interface {
	// Group is where the file of a controller is. It is an error that the controller is
	// missing.
	Group(controller, file string) (*cgroupfs.Group, error)
	// Lacks says why the cgroup does not have the file of a write.
	Lacks(w *Write) error
	// Obstacle says why the kernel refused a write, "" when that is not known, and names
	// the file, if there is one, whose value makes it do so.
	Obstacle(w *Write, err error) (file, why string)
	// Undo returns what takes a write back, in this order. The file holds now.
	Undo(w *Write, now string) ([]Write, error)
}

// Apply does what a plan says, and returns its warnings with those of the writes.
//
// A property that cannot be applied is an error that names it, the file and, where
// they can be read, the file's value and the one that stands in the way. Then the
// properties before it have been applied. A controller that is missing is seen
// before anything is written.
func (p *Plan) Apply(t Target) (warnings []string, err error) {
	for i := range p.Writes {
		w := &p.Writes[i]
		if _, err := group(t, w); err != nil && !w.Lifts {
			return nil, err
		}
	}
	var f cgroupfs.Writer
	defer f.Close()
	for i := range p.Writes {
		warning, err := apply(t, &p.Writes[i], &f)
		if err != nil {
			return p.Warnings, err
		}
		if warning != "" {
			p.Warnings = append(p.Warnings, warning)
		}
	}
	return p.Warnings, nil
}

func group(t Target, w *Write) (*cgroupfs.Group, error) {
	g, err := t.Group(w.Controller, w.File)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.Property, err)
	}
	return g, nil
}

// open returns the group and the directory of a write's file.
func open(t Target, w *Write) (*cgroupfs.Group, int, error) {
	g, err := group(t, w)
	if err != nil {
		return nil, -1, err
	}
	dir, err := g.Open()
	if err != nil {
		return nil, -1, fmt.Errorf("%s: %w", w.Property, err)
	}
	return g, dir, nil
}

// apply writes one value. A failure that the write allows is a warning.
func apply(t Target, w *Write, f *cgroupfs.Writer) (warning string, err error) {
	g, dir, err := open(t, w)
	if err != nil {
		if _, missing := t.Group(w.Controller, w.File); missing != nil && w.Lifts {
			return "", nil
		}
		return "", err
	}
	err = patiently(w, func() error { return f.Write(dir, w.File, w.Value) })
	switch {
	case err == nil && w.Verify != nil:
		if warning = w.Verify(g.Value); warning != "" {
			warning = w.Property + ": " + warning
		}
		return warning, nil
	case err == nil, w.Lifts && err == unix.ENOENT:
		return "", nil
	}
	err = explain(t, g.Path, dir, w, err)
	if errno := unix.Errno(0); errors.As(err, &errno) && slices.Contains(w.Soft, errno) {
		return err.Error(), nil
	}
	return "", err
}

// reclaimTimeout bounds the attempts at lowering a limit of memory.
const reclaimTimeout = 500 * time.Millisecond

// patiently tries a write for a cgroup in use. Each write of a limit of memory makes the
// kernel of cgroup v1 reclaim, and give up when a pass over the pages frees none; pages that
// were busy then, being written or isolated, can be free a moment later.
func patiently(w *Write, write func() error) error {
	err := write()
	if !w.Patient || !errors.Is(err, unix.EBUSY) {
		return err
	}
	deadline := time.Now().Add(reclaimTimeout)
	for wait := cgroupfs.NewBackoff(time.Millisecond); errors.Is(err, unix.EBUSY) && time.Now().Before(deadline); {
		wait.Sleep()
		err = write()
	}
	return err
}

// explain makes the error of a write that failed.
func explain(t Target, path string, dir int, w *Write, err error) error {
	err = fmt.Errorf("%s: writing %q to %s: %w", w.Property, w.Value, filepath.Join(path, w.File), err)
	if now, e := cgroupfs.ReadValue(dir, w.File); e == nil {
		err = fmt.Errorf("%w (it is %q now)", err, now)
	}
	if errors.Is(err, unix.ENOENT) && unix.Faccessat(dir, cgroupfs.Procs, unix.F_OK, 0) == nil {
		return fmt.Errorf("%w: %w", err, t.Lacks(w))
	}
	if other, why := t.Obstacle(w, err); why != "" {
		if now, e := cgroupfs.ReadValue(dir, other); e == nil {
			why += fmt.Sprintf(", %s is %q", other, now)
		}
		err = fmt.Errorf("%w: %s", err, why)
	}
	return err
}
