package birth

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// changeRoot makes $root the root of the process, and detaches the old one.
func (c *compiler) changeRoot() error {
	c.Label("changing the root")
	switch {
	case !c.mountNS:
		c.Fchdir(nsenter.Value(c.root))
		c.Chroot(".")
		return nil
	case c.in.NoPivot:
		if err := c.moveRoot(); err != nil {
			return err
		}
	default:
		c.pivotRoot()
	}
	c.Chdir("/")
	if c.in.Spec.Root.Readonly {
		c.about("root.readonly", "making the root read-only")
		c.setAttributes(c.root, 0, spec.MountAttr{Set: unix.MOUNT_ATTR_RDONLY})
	}
	return c.rootPropagation()
}

// pivotRoot stacks the new root on the old one (pivot_root(2), "." twice) and
// takes the old one away without telling the host.
func (c *compiler) pivotRoot() {
	old := c.Cell("old root")
	c.Openat(nsenter.CWD, "/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0).Into(old)
	c.Fchdir(nsenter.Value(c.root))
	c.PivotRoot(".", ".")
	c.Fchdir(nsenter.Value(old))
	if c.shared {
		c.setMountFlags(".", unix.MS_REC|unix.MS_SLAVE)
	}
	c.Umount2(".", unix.MNT_DETACH)
	c.close(old)
}

// moveRoot is for roots that cannot be pivoted from, such as an initramfs. The old root
// stays below, where no path leads. Who has CAP_SYS_ADMIN and CAP_SYS_CHROOT in the
// namespace that owns the mounts gets there all the same: docs/security.md says it.
func (c *compiler) moveRoot() error {
	if strings.HasSuffix(c.hasLinux.RootfsPropagation, "private") {
		return fmt.Errorf("linux.rootfsPropagation: %s cannot be combined with --no-pivot",
			c.hasLinux.RootfsPropagation)
	}
	old := c.Cell("old root")
	c.Openat(nsenter.CWD, "/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0).Into(old)
	c.attachAt(c.root, "/")
	c.Fchdir(nsenter.Value(old)) // from where paths lead below the new root
	c.Label("taking the old root's mounts away")
	if !c.shared {
		for _, m := range c.in.Host.Mounts {
			c.Umount2("."+m.Point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW).Ignore(noMount[:]...)
		}
	}
	for _, m := range c.in.Host.Mounts {
		if m.Reveals {
			c.coverOld(m.Point)
		}
	}
	c.close(old)
	c.Fchdir(nsenter.Value(c.root))
	c.Chroot(".")
	return nil
}

// noMount are what there is for a mount point that is gone, or locked.
var noMount = [...]unix.Errno{unix.EINVAL, unix.EPERM, unix.ENOENT, unix.ENOTDIR, unix.EACCES}

// coverOld covers a procfs or sysfs of the old root that is still there: in a user
// namespace it may be locked, and what is shared would be taken from the host, too. One that
// is whole anywhere in the mount namespace would let the container's users
// mount one without what is masked in theirs (mount_too_revealing of fs/namespace.c).
func (c *compiler) coverOld(point string) {
	gone := c.Target()
	call := c.Mount("", "."+point, "", unix.MS_SLAVE, "") // fails unless something is mounted there
	for _, errno := range noMount {
		call.JumpOn(errno, gone)
	}
	c.newTmpfs(c.tree, unix.MOUNT_ATTR_RDONLY)
	c.attachAt(c.tree, "."+point)
	c.close(c.tree)
	c.Place(gone)
}

// mountRoot makes $root, the root of the container's tree: a clone of the
// bundle's rootfs, attached where that is.
func (c *compiler) mountRoot() error {
	rootfs := c.in.Host.Rootfs
	if !c.mountNS {
		if len(c.in.Mounts) > 0 {
			c.warn("linux.namespaces: there is no mount namespace: the mounts are the host's, and stay below %s "+
				"when the container is deleted", rootfs)
		}
		c.about(PropertyRootPath, "opening the root filesystem "+rootfs)
		c.Openat(nsenter.CWD, rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0).Into(c.root)
		return nil
	}
	propagation, err := c.hostPropagation()
	if err != nil {
		return err
	}
	c.Label("separating the mounts from the host's")
	c.setMountFlags("/", unix.MS_REC|propagation)
	if c.shared {
		// neither what is attached there nor pivot_root may reach the host
		c.setMountFlags(c.in.Host.RootfsMount, unix.MS_PRIVATE)
	}
	c.about(PropertyRootPath, "mounting the root filesystem "+rootfs)
	c.OpenTree(nsenter.CWD, rootfs, unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE).Into(c.root)
	propagation = c.clonePropagation()
	if c.hasLinux.RootfsPropagation == "" { // what the host mounts below the rootfs is not meant for the container
		propagation = unix.MS_PRIVATE
	}
	c.setPropagation(c.root, unix.AT_RECURSIVE, propagation)
	c.requestSources(c.sources()...) // first: bind sources may lie below the rootfs
	if len(c.hasLinux.MaskedPaths) > 0 {
		c.makeEmpty(rootfs)
	}
	c.about(PropertyRootPath, "mounting the root filesystem "+rootfs)
	c.attachAt(c.root, rootfs)
	return nil
}
