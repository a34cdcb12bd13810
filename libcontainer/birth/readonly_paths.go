package birth

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// readonlyPaths makes linux.readonlyPaths read-only by a clone on top of each.
func (c *compiler) readonlyPaths() error {
	for _, p := range distinct(c.hasLinux.ReadonlyPaths) {
		if p == "/" {
			return fmt.Errorf("linux.readonlyPaths: %s is the root itself: use root.readonly", p)
		}
		c.about("linux.readonlyPaths", "making "+p+" read-only")
		skip := c.Target()
		m := c.cover(p)
		c.resolve(m.Target, unix.O_PATH, 0, m.target).JumpOn(unix.ENOENT, skip).JumpOn(unix.ENOTDIR, skip)
		c.OpenTree(nsenter.Value(m.target), "", unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE).Into(m.tree)
		c.setattr(m.tree, unix.AT_RECURSIVE, unix.MountAttr{
			Attr_set: unix.MOUNT_ATTR_RDONLY, Propagation: c.clonePropagation(),
		})
		c.attach(m)
		c.Place(skip)
	}
	return nil
}
