package cmd

import (
	"errors"
	"fmt"

	"github.com/rung-oci/rung/libcontainer"
)

// flagNames are the flags that set options of package libcontainer.
func flagNames() map[string]string {
	return map[string]string{
		"Cgroup":        "--cgroup",
		"EmptyNS":       "--empty-ns",
		"ImagePath":     "--image-path",
		"LazyPages":     "--lazy-pages",
		"ManageCgroups": "--manage-cgroups-mode",
		"PageServer":    "--page-server",
		"ParentPath":    "--parent-path",
		"PreDump":       "--pre-dump",
		"PreserveFds":   "--preserve-fds",
		"StatusFd":      "--status-fd",
		"WorkPath":      "--work-path",
	}
}

// withFlags names the flag that an error of a command is about, or that helps.
func withFlags(err error) error {
	switch e := err.(type) {
	case *libcontainer.OptionError:
		name := flagNames()[e.Option]
		if e.Value != "" {
			name += " " + e.Value
		}
		return fmt.Errorf("%s: %w", name, e.Err)
	case *libcontainer.UnknownPropertyError:
		return fmt.Errorf("%w (--strict)", err)
	case *libcontainer.RootCgroupError:
		return fmt.Errorf("%w, but left out with --manage-cgroups-mode ignore", err)
	}
	if errors.Is(err, libcontainer.ErrPaused) {
		return fmt.Errorf("%w (use --ignore-paused to override)", err)
	}
	return err
}
