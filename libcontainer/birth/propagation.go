package birth

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/spec"
)

// hostPropagation is what all mounts of the new mount namespace become.
func (c *compiler) hostPropagation() (uint64, error) {
	switch strings.TrimPrefix(c.hasLinux.RootfsPropagation, "r") {
	case "", "slave", "unbindable": // the latter of the root alone, at the end: what is to be bound must be bindable
		return unix.MS_SLAVE, nil
	case "private":
		return unix.MS_PRIVATE, nil
	case "shared":
		return unix.MS_SHARED, nil
	}
	return 0, fmt.Errorf("linux.rootfsPropagation: unknown value %q", c.hasLinux.RootfsPropagation)
}

// clonePropagation is the propagation that a clone gets unless its mount asks
// for another: never a peer of the host.
func (c *compiler) clonePropagation() uint64 {
	if strings.HasSuffix(c.hasLinux.RootfsPropagation, "private") {
		return unix.MS_PRIVATE
	}
	return unix.MS_SLAVE
}

// asksShared reports whether the mount is to be a peer of the host's: then, and if
// linux.rootfsPropagation asks for the same, the clone stays what it is.
func (m *Mount) asksShared() bool {
	return slices.ContainsFunc(m.Propagation, func(p uint64) bool { return p&unix.MS_SHARED != 0 })
}

// rootPropagation applies linux.rootfsPropagation to the container's own tree.
func (c *compiler) rootPropagation() error {
	if c.hasLinux.RootfsPropagation == "" {
		return nil
	}
	opts := spec.ParseMountOptions([]string{c.hasLinux.RootfsPropagation})
	if len(opts.Propagation) == 0 {
		return fmt.Errorf("linux.rootfsPropagation: unknown value %q", c.hasLinux.RootfsPropagation)
	}
	c.about("linux.rootfsPropagation", "setting linux.rootfsPropagation to "+c.hasLinux.RootfsPropagation)
	c.setMountFlags("/", opts.Propagation[0])
	return nil
}
