package birth

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// makeEmpty makes the one empty read-only filesystem that hides all masked
// directories. It is attached below the root, because only what is attached
// can be cloned, and goes away with the old root.
func (c *compiler) makeEmpty(rootfs string) {
	c.Label("making an empty directory to mask with")
	c.newTmpfs(c.empty, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	c.attachAt(c.empty, rootfs)
}

// maskedPaths hides linux.maskedPaths: a directory below the one empty
// filesystem, anything else below the host's /dev/null, checked to be it
// (CVE-2025-31133), and read-only: its owner and its mode are not the container's to
// change. What is written to a device does not ask whether its mount is read-only.
func (c *compiler) maskedPaths() error {
	if len(c.hasLinux.MaskedPaths) == 0 {
		return nil
	}
	c.Label("opening /dev/null to mask files with")
	devNull := c.Cell("null")
	c.Openat(nsenter.CWD, "/dev/null", unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0).Into(devNull)
	c.expectNull(devNull)
	for _, p := range distinct(c.hasLinux.MaskedPaths) {
		if p == "/" {
			return fmt.Errorf("linux.maskedPaths: %s is the root itself", p)
		}
		c.mask(p, devNull)
	}
	c.close(devNull)
	c.close(c.empty)
	return nil
}

// mask covers a path, if there is something.
func (c *compiler) mask(p string, devNull nsenter.Cell) {
	c.about("linux.maskedPaths", "masking "+p)
	file, attach, skip := c.Target(), c.Target(), c.Target()
	m := c.cover(p)
	c.resolve(m.Target, unix.O_PATH, 0, m.target).JumpOn(unix.ENOENT, skip).JumpOn(unix.ENOTDIR, skip)
	c.Statx(nsenter.Value(m.target), "", c.stat)
	c.JumpUnlessType(c.stat, unix.S_IFDIR, file)
	c.OpenTree(nsenter.Value(c.empty), "", unix.OPEN_TREE_CLONE).Into(m.tree)
	c.Goto(attach)
	c.Place(file)
	c.OpenTree(nsenter.Value(devNull), "", unix.OPEN_TREE_CLONE).Into(m.tree)
	c.Place(attach)
	c.setattr(m.tree, 0, unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY, Propagation: unix.MS_PRIVATE})
	c.attach(m)
	c.Place(skip)
}
