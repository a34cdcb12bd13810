// Package limits is what both versions of cgroups have in common when linux.resources
// are set: a plan of what to write where, made without changing anything, and its
// execution, whole or with what it takes to undo it. Which property is which file is known to
// the packages of the versions.
package limits

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Write is one value for one file of the cgroup.
type Write struct {
	Controller string
	File       string
	Value      string
	Property   string       // where the value comes from: "linux.resources.…"
	Soft       []unix.Errno // errors that are only warnings
	// Verify looks at what the kernel has made of the write, and says what is not as it was
	// asked for, or "".
	Verify  func(read func(file string) (string, error)) (warning string)
	Patient bool    // EBUSY may pass: the write is tried again for a moment
	Lifts   bool    // takes a limit away: without the file or its controller there is none
	Undo    []Write // take the write back, in this order; only where the file cannot be read
}

// A Read reads a file of the cgroup, or one by its absolute path.
type Read func(controller, file string) (string, error)

// A Plan is what to write where, and in which order, for linux.resources. Making
// it changes nothing; the present values that decide the order are read through
// Read.
type Plan struct {
	Read     Read
	Writes   []Write
	Warnings []string
	Back     []Write // by Update: what it takes to take it back, in this order
}

// Set adds a write. The controller is the file's first component ("memory" of
// "memory.limit_in_bytes").
func (p *Plan) Set(property, file, value string) *Write {
	p.Writes = append(p.Writes, Write{
		Controller: controllerOf(file), File: file, Value: value, Property: "linux.resources." + property,
	})
	return &p.Writes[len(p.Writes)-1]
}

// controllerOf is the controller of a file of the cgroup or, with "../", of a parent.
func controllerOf(file string) string {
	controller, _, _ := strings.Cut(strings.TrimLeft(file, "./"), ".")
	return controller
}

// A Number is a limit. Zero mostly says that it is not given: see [Given].
type Number interface{ int64 | uint64 | uint16 }

// Given reports whether a limit is given: zero means that it is not.
func Given[T Number](value *T) bool { return value != nil && *value != 0 }

// SetGiven sets a file to a number that is given.
func SetGiven[T Number](p *Plan, property, file string, value *T) {
	if Given(value) {
		SetPresent(p, property, file, value)
	}
}

// SetPresent sets a file to a number, zero or not.
func SetPresent[T Number](p *Plan, property, file string, value *T) {
	if value != nil {
		p.Set(property, file, fmt.Sprint(*value))
	}
}

// SetBit sets a file to 1 for true, and to 0.
func (p *Plan) SetBit(property, file string, value *bool) {
	if value != nil {
		p.Set(property, file, map[bool]string{false: "0", true: "1"}[*value])
	}
}

// Warn adds a warning about a property.
func (p *Plan) Warn(property, format string, args ...any) {
	p.Warnings = append(p.Warnings, "linux.resources."+property+": "+fmt.Sprintf(format, args...))
}

// Present reads a number that a file holds now; it is otherwise when the file cannot be
// read. The largest values of the kernel's counters need not fit in an int64: they are
// as good as the largest that does.
func (p *Plan) Present(file string, otherwise int64) int64 {
	s, err := p.Read(controllerOf(file), file)
	if err != nil {
		return otherwise
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return otherwise
	}
	return n
}

// Has reports whether the cgroup has the file.
func (p *Plan) Has(file string) bool {
	_, err := p.Read(controllerOf(file), file)
	return err == nil
}

// CheckUsage refuses a limit below what the files say together is in use.
func (p *Plan) CheckUsage(property string, limit int64, files ...string) error {
	usage := int64(0)
	for _, file := range files {
		text, err := p.Read(controllerOf(file), file)
		if err != nil {
			return fmt.Errorf("linux.resources.%s: %w", property, err)
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("linux.resources.%s: reading %s: %w", property, file, err)
		}
		usage += n
	}
	if usage > limit {
		return fmt.Errorf("linux.resources.%s: unable to set memory limit to %d: %d is in use (checkBeforeUpdate)",
			property, limit, usage)
	}
	return nil
}
