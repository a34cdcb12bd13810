package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// remount changes the attributes of what is mounted at the target: like mount(2) it
// sets what is given and clears what is not.
func (c *compiler) remount(m mount) {
	const all = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC |
		unix.MOUNT_ATTR_NOSYMFOLLOW
	c.about(m.Property, "remounting "+m.Target)
	c.resolve(m.Target, unix.O_PATH, 0, m.tree)
	// a bind mount's remount is about the mount alone: its filesystem may be the host's
	if !m.Bind && (len(m.Data) > 0 || len(m.SuperFlags()) > 0) {
		c.Fspick(nsenter.Value(m.tree)).Into(c.fs)
		c.filesystemOptions(m.Mount)
		c.FsconfigReconfigure(nsenter.Value(c.fs)).FailTo(c.explain)
		c.close(c.fs)
	}
	m.Attr.Clear |= all &^ m.Attr.Set
	c.applyOptions(m)
	c.close(m.tree)
}
