package birth

import (
	"fmt"
	"strings"

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
// (CVE-2025-31133).
func (c *compiler) maskedPaths() error {
	if len(c.hasLinux.MaskedPaths) == 0 {
		return nil
	}
	c.Label("opening /dev/null to mask files with")
	c.Call(unix.SYS_OPENAT, nsenter.Int(unix.AT_FDCWD), c.String("/dev/null"), nsenter.Int(unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC), nsenter.Int(0)).Into(c.devNull)
	c.statx(c.devNull, "")
	c.Expect(nsenter.Load(c.stat.At(statxGidMode)), unix.S_IFMT<<modeShift, unix.S_IFCHR<<modeShift, unix.ENODEV)
	c.Expect(nsenter.Load(c.stat.At(statxRdev)), ^uint64(0), 1|3<<32, unix.ENODEV)
	for _, p := range c.hasLinux.MaskedPaths {
		if strings.Trim(p, "/.") == "" {
			return fmt.Errorf("linux.maskedPaths: %s is the root itself", p)
		}
		c.mask(p)
	}
	c.close(c.devNull)
	c.close(c.empty)
	return nil
}

func (c *compiler) mask(p string) {
	c.Label("masking " + p)
	file, attach, skip := c.Target(), c.Target(), c.Target()
	c.resolve(p, unix.O_PATH, 0, c.target).JumpOn(unix.ENOENT, skip).JumpOn(unix.ENOTDIR, skip)
	c.statx(c.target, "")
	c.JumpUnless(nsenter.Load(c.stat.At(statxGidMode)), unix.S_IFMT<<modeShift, unix.S_IFDIR<<modeShift, file)
	c.openTree(nsenter.Value(c.empty), "", unix.OPEN_TREE_CLONE, c.tree)
	c.Goto(attach)
	c.Place(file)
	c.openTree(nsenter.Value(c.devNull), "", unix.OPEN_TREE_CLONE, c.tree)
	c.Place(attach)
	c.setAttributes(c.tree, 0, mountAttr{propagation: unix.MS_PRIVATE})
	c.attachMade()
	c.Place(skip)
}
