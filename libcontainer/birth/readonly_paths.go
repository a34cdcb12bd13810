package birth

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// readonlyPaths makes linux.readonlyPaths read-only by a clone on top of each.
func (c *compiler) readonlyPaths() error {
	for _, p := range c.hasLinux.ReadonlyPaths {
		if strings.Trim(p, "/.") == "" {
			return fmt.Errorf("linux.readonlyPaths: %s is the root itself: use root.readonly", p)
		}
		c.Label("making " + p + " read-only")
		skip := c.Target()
		c.resolve(p, unix.O_PATH, 0, c.target).JumpOn(unix.ENOENT, skip).JumpOn(unix.ENOTDIR, skip)
		c.openTree(nsenter.Value(c.target), "", unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE, c.tree)
		c.setAttributes(c.tree, unix.AT_RECURSIVE, mountAttr{set: unix.MOUNT_ATTR_RDONLY, propagation: c.clonePropagation()})
		c.attachMade()
		c.Place(skip)
	}
	return nil
}
