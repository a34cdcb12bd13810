package limits

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Check makes sure that each write has a controller and a file.
func (p *Plan) Check(t Target) error {
	for i := range p.Writes {
		w := &p.Writes[i]
		if w.Lifts {
			continue
		}
		g, dir, err := open(t, w)
		if err != nil {
			return err
		}
		if err := unix.Faccessat(dir, w.File, unix.F_OK, 0); err != nil && len(w.Soft) == 0 {
			return explain(t, g.Path, dir, w, err)
		}
	}
	return nil
}

// Update does what a plan says, whole or not at all: if a write fails those before it are
// taken back, the last one first, so that every step back leads to a state that was there
// before. What can be judged before anything is written is: see Check.
func (p *Plan) Update(t Target) (*cgroups.Change, error) {
	if err := p.Check(t); err != nil {
		return nil, err
	}
	c := &change{target: t, warnings: p.Warnings}
	for i := range p.Writes {
		if err := c.apply(&p.Writes[i]); err != nil {
			return nil, errors.Join(err, c.revert())
		}
	}
	p.Back = slices.Clone(c.done)
	slices.Reverse(p.Back)
	return &cgroups.Change{Warnings: c.warnings, Revert: c.revert}, nil
}

// A change is what an update has written, and can take back.
type change struct {
	target   Target
	warnings []string
	done     []Write // that take back what was written, the oldest first
}

// apply makes one write and remembers how to take it back.
func (c *change) apply(w *Write) error {
	undo, err := c.undo(w)
	if err != nil && len(w.Soft) == 0 && !w.Lifts {
		return fmt.Errorf("%s: %w", w.Property, err)
	}
	warning, err := c.write(w)
	if err != nil {
		return err
	}
	if warning != "" {
		c.warnings = append(c.warnings, warning)
	}
	for i := len(undo) - 1; i >= 0; i-- {
		c.done = append(c.done, undo[i])
	}
	return nil
}

// undo returns what will take a write back, in this order.
func (c *change) undo(w *Write) ([]Write, error) {
	if w.Undo != nil {
		return w.Undo, nil
	}
	g, err := group(c.target, w)
	if err != nil {
		return nil, err
	}
	now, err := g.Read(w.File)
	if err != nil {
		return nil, err
	}
	return c.target.Undo(w, now)
}

func (c *change) write(w *Write) (warning string, err error) {
	var f cgroupfs.Writer
	defer f.Close()
	return apply(c.target, w, &f)
}

// revert takes back all that was written.
func (c *change) revert() error {
	var errs []error
	for i := len(c.done) - 1; i >= 0; i-- {
		if _, err := c.write(&c.done[i]); err != nil {
			errs = append(errs, fmt.Errorf("taking the update back: %w", err))
		}
	}
	c.done = nil
	return errors.Join(errs...)
}

// With is the write of another value to the file.
func (w *Write) With(value string) Write {
	back := *w
	back.Value, back.Undo, back.Verify = value, nil, nil
	return back
}

// Line returns the line of a text that begins with the word, or otherwise.
func Line(text, word, otherwise string) string {
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if first, _, _ := strings.Cut(l, " "); first == word {
			return l
		}
	}
	return otherwise
}
