package birth

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// Here is what only mount(2) can.

// isLongOverlay reports whether only mount(2) can mount it: an overlay of which the
// directories' paths are long, and there may be many.
func (m *Mount) isLongOverlay() bool {
	return m.Kind == FilesystemMount && m.Type == "overlay" &&
		slices.ContainsFunc(m.Data, func(option string) bool { return len(option) > fsconfigMax })
}

// longOverlay mounts an overlay by mount(2), on the working directory: so the
// kernel is given a descriptor for the target here, too.
func (c *compiler) longOverlay(m mount) {
	c.about(m.Property, "mounting "+m.Type+" on "+m.Target)
	c.ensureDirectory(m.Target, 0, m.target)
	c.Fchdir(nsenter.Value(m.target))
	c.Mount(cmp.Or(m.Source, m.Type), ".", m.Type, m.legacyFlags(), commas(m.Data))
	c.close(m.target)
	// what can be is set already: whoever else has the rootfs may change the path now
	c.resolve(m.Target, unix.O_PATH, 0, m.tree)
	c.expectFilesystem(m.tree, unix.OVERLAYFS_SUPER_MAGIC)
	c.applyOptions(m)
	c.close(m.tree)
}

// countVersions sets iversion, which only a remount by mount(2) can: it wants the
// attributes of the mount once more.
func (c *compiler) countVersions(m mount) {
	if m.SuperSet&unix.MS_I_VERSION == 0 {
		return
	}
	c.Fchdir(nsenter.Value(m.tree))
	c.setMountFlags(".", unix.MS_REMOUNT|m.legacyFlags())
}

// setMountFlags is mount(2) with nothing but flags.
func (c *compiler) setMountFlags(path string, flags uint64) { c.Mount("", path, "", flags, "") }

// legacyFlags are the options as mount(2) takes them.
func (m *Mount) legacyFlags() uint64 {
	flags := m.SuperSet
	for _, f := range [...]struct{ attr, flag uint64 }{
		{unix.MOUNT_ATTR_RDONLY, unix.MS_RDONLY}, {unix.MOUNT_ATTR_NOSUID, unix.MS_NOSUID},
		{unix.MOUNT_ATTR_NODEV, unix.MS_NODEV}, {unix.MOUNT_ATTR_NOEXEC, unix.MS_NOEXEC},
		{unix.MOUNT_ATTR_NOATIME, unix.MS_NOATIME}, {unix.MOUNT_ATTR_NODIRATIME, unix.MS_NODIRATIME},
		{unix.MOUNT_ATTR_STRICTATIME, unix.MS_STRICTATIME}, {unix.MOUNT_ATTR_NOSYMFOLLOW, unix.MS_NOSYMFOLLOW},
	} {
		if m.Attr.Set&f.attr != 0 {
			flags |= f.flag
		}
	}
	return flags
}
