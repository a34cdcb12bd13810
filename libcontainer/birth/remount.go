package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// remount changes the attributes of what is mounted at the target: like mount(2) it
// sets what is given and clears what is not.
func (c *compiler) remount(m mount) {
	c.about(m.Property, "remounting "+m.Target)
	c.resolve(m.Target, unix.O_PATH, 0, m.tree)
	// a bind mount's remount is about the mount alone: its filesystem may be the host's
	if !m.Bind && (len(m.Data) > 0 || len(m.SuperFlags()) > 0) {
		c.Fspick(nsenter.Value(m.tree)).Into(c.fs)
		c.filesystemOptions(m.Mount)
		c.FsconfigReconfigure(nsenter.Value(c.fs)).FailTo(c.explain)
		c.close(c.fs)
	}
	c.replaceOptions(m)
	c.close(m.tree)
}

// replaceOptions sets the flags that are given and clears the others, as mount(2) does. In a
// user namespace those that the host has set cannot be cleared, nor another access time
// be chosen (mount_namespaces(7), locked): then what is not given stays, and what is given and
// cannot be is named, one by one, because EPERM says nothing.
func (c *compiler) replaceOptions(m mount) {
	const all = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC |
		unix.MOUNT_ATTR_NOSYMFOLLOW
	locked, done := c.Target(), c.Target()
	c.MountSetattr(nsenter.Value(m.tree), 0, unix.MountAttr{Attr_set: m.Attr.Set,
		Attr_clr: m.Attr.Clear | all&^m.Attr.Set}).
		JumpOn(unix.EPERM, locked)
	c.Goto(done)
	c.Place(locked)
	for _, flag := range lockable {
		if part := (spec.MountAttr{Set: m.Attr.Set & flag.mask, Clear: m.Attr.Clear & flag.mask}); !part.IsZero() {
			c.about(m.Property, "mounting "+m.Target+": its options want another "+flag.name+
				" than the source has, where that is locked")
			c.setAttributes(m.tree, 0, part)
		}
	}
	c.setAttributes(m.tree, 0, m.Attr)
	c.Place(done)
	m.Attr = spec.MountAttr{}
	c.applyOptions(m)
}

// lockable are the flags that a user namespace may not change: can_change_locked_flags of
// fs/namespace.c.
var lockable = [...]struct {
	name string
	mask uint64
}{
	{"ro or rw", unix.MOUNT_ATTR_RDONLY}, {"suid or nosuid", unix.MOUNT_ATTR_NOSUID},
	{"dev or nodev", unix.MOUNT_ATTR_NODEV}, {"exec or noexec", unix.MOUNT_ATTR_NOEXEC},
	{"access time (relatime, noatime, nodiratime, strictatime)", unix.MOUNT_ATTR__ATIME | unix.MOUNT_ATTR_NODIRATIME},
}
