package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// cloneFlags are open_tree's for the source of a bind mount.
func (m *Mount) cloneFlags() int {
	flags := unix.OPEN_TREE_CLONE
	if m.Rbind {
		flags |= unix.AT_RECURSIVE
	}
	if m.NoFollow&(spec.SourceLink|spec.CopiedLink) != 0 {
		flags |= unix.AT_SYMLINK_NOFOLLOW
	}
	return flags
}

// bind clones the source's mount and attaches it to a directory or a file,
// whichever the source is.
func (c *compiler) bind(m mount) {
	if len(m.Data) > 0 {
		c.warn("%s (%s): a bind mount has no options of a filesystem: %s ignored",
			m.Property, m.Destination, commas(m.Data))
	}
	c.about(m.Property, "binding "+m.Source+" to "+m.Target)
	c.Kind(KindBind)
	if !c.userNS {
		c.OpenTree(nsenter.CWD, m.Source, m.cloneFlags()).Into(m.tree)
	} else if m.tree == c.tree { // it was not received yet
		c.requestSources(source{mount: &m.Mount, cell: &m.tree})
		c.about(m.Property, "binding "+m.Source+" to "+m.Target)
		c.Kind(KindBind)
	}
	// a clone is a peer of the host's mount: what is mounted below would be seen there
	if !c.shared || !m.asksShared() {
		c.setPropagation(m.tree, unix.AT_RECURSIVE, c.clonePropagation())
	}
	if m.Attr.IsZero() && m.SuperSet|m.SuperClear == 0 { // nothing is said of flags: they are the source's
		c.applyOptions(m)
	} else {
		c.replaceOptions(m)
	}
	c.about(m.Property, "binding "+m.Source+" to "+m.Target)
	c.Kind(KindBind)
	dir, attach := c.Target(), c.Target()
	c.Statx(nsenter.Value(m.tree), "", c.stat)
	c.JumpIfType(c.stat, unix.S_IFDIR, dir)
	var onFile, onDir unix.OpenHow
	if m.NoFollow&(spec.DestinationLink|spec.CopiedLink) != 0 {
		onFile.Flags = unix.O_NOFOLLOW
	}
	if m.NoFollow&spec.DestinationLink != 0 { // which fails: a directory covers no link
		onDir.Flags = unix.O_NOFOLLOW
	}
	c.ensure(m.Target, unix.S_IFREG, onFile, m.target, nil)
	c.Goto(attach)
	c.Place(dir)
	c.ensure(m.Target, unix.S_IFDIR, onDir, m.target, nil)
	c.Place(attach)
	c.attach(m)
}
