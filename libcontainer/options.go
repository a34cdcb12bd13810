package libcontainer

import (
	"errors"
	"fmt"

	"github.com/rung-oci/rung/libcontainer/descriptors"
	"github.com/rung-oci/rung/spec"
)

// An OptionError is the failure of what an option asks for. It names the option by its
// field; under which name the user knows it, a flag mostly, is the caller's business.
type OptionError struct {
	Option string // the field of the options: "ImagePath"
	Value  string // its value, where it is that one which fails
	Err    error
}

func (e *OptionError) Error() string {
	if e.Value != "" {
		return e.Option + " " + e.Value + ": " + e.Err.Error()
	}
	return e.Option + ": " + e.Err.Error()
}

func (e *OptionError) Unwrap() error { return e.Err }

// optionError is an error about an option, or nil.
func optionError(option string, err error) error {
	if err == nil {
		return nil
	}
	return &OptionError{Option: option, Err: err}
}

// An UnknownPropertyError is the failure, where the runtime is strict, of a file that has
// a property which rung does not know.
type UnknownPropertyError struct {
	File     string
	Property spec.Unknown
}

func (e *UnknownPropertyError) Error() string { return e.File + ": " + e.Property.String() }

// ErrPaused is why exec fails, unless IgnorePaused says otherwise.
var ErrPaused = errors.New("cannot exec in a paused container")

// A RootCgroupError is why a checkpoint fails, unless ManageCgroups is "ignore": CRIU would
// save, and make once more, all cgroups of the machine.
type RootCgroupError struct{ Hierarchy string }

func (e *RootCgroupError) Error() string {
	return fmt.Sprintf("the container is in the root of the cgroup hierarchy %q, which was not mounted when it "+
		"was created: its cgroups cannot be saved", e.Hierarchy)
}

// preserveFds is [descriptors.Preserve] for an option.
func preserveFds(n, listening int) (int, error) {
	if n < 0 {
		return 0, optionError("PreserveFds", fmt.Errorf("%d is not a number of descriptors", n))
	}
	return descriptors.Preserve(n, listening)
}
