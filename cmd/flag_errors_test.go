package cmd

import (
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/spec"
)

func TestWithFlags(t *testing.T) {
	missing := &fs.PathError{Op: "open", Path: "/i", Err: unix.ENOENT}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{&libcontainer.OptionError{Option: "ImagePath", Err: missing},
			"--image-path: open /i: no such file or directory"},
		{&libcontainer.OptionError{Option: "ManageCgroups", Value: "strict", Err: errors.New("it exists already")},
			"--manage-cgroups-mode strict: it exists already"},
		{&libcontainer.UnknownPropertyError{File: "/c", Property: spec.Unknown{Path: "x"}},
			"/c: " + spec.Unknown{Path: "x"}.String() + " (--strict)"},
		{libcontainer.ErrPaused, "cannot exec in a paused container (use --ignore-paused to override)"},
		{&libcontainer.RootCgroupError{Hierarchy: "cpu"},
			`the container is in the root of the cgroup hierarchy "cpu", ` +
				"which was not mounted when it was created: its cgroups cannot be saved, " +
				"but left out with --manage-cgroups-mode ignore"},
		{missing, missing.Error()},
	} {
		got := withFlags(tt.err)
		if tt.err == nil && got == nil {
			continue
		}
		if got.Error() != tt.want {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
	if !errors.Is(withFlags(&libcontainer.OptionError{Option: "ImagePath", Err: missing}), unix.ENOENT) {
		t.Error("what failed is not in the error any more")
	}
}

// The flags that errors name are there, and set the options that they name.
func TestFlagNames(t *testing.T) {
	var known []string
	for _, c := range new(App).Definition().Commands {
		for _, f := range c.Flags {
			known = append(known, "--"+f.Names()[0])
		}
	}
	options := []reflect.Type{reflect.TypeFor[libcontainer.ExecOptions](),
		reflect.TypeFor[libcontainer.CheckpointOptions]()}
	for option, flag := range flagNames() {
		if !slices.Contains(known, flag) {
			t.Errorf("%s: no command has the flag %s", option, flag)
		}
		if !slices.ContainsFunc(options, func(t reflect.Type) bool { _, ok := t.FieldByName(option); return ok }) {
			t.Errorf("%s: there is no such option", option)
		}
	}
}
