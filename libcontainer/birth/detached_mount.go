package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// mount is a mount being made, and the cells that it is made with. It is attached when it
// has all its attributes, so that nobody sees it without them, and when what is cloned
// is no peer of a mount of the host any more.
type mount struct {
	Mount
	tree   nsenter.Cell // a descriptor of the mount, which is attached nowhere yet
	target nsenter.Cell // a descriptor of what it will cover
}

// newMount is a mount being made here. These are made one after the other and have
// the same two cells: a program does not become larger by its cells, too.
func (c *compiler) newMount(m Mount) mount { return mount{m, c.tree, c.target} }

// cover is a mount being made at a path, of which nothing else is said.
func (c *compiler) cover(target string) mount { return c.newMount(Mount{Target: target}) }

// applyOptions gives a mount the attributes and the propagation of its options.
func (c *compiler) applyOptions(m mount) {
	c.setAttributes(m.tree, 0, m.Attr)
	if !m.RecAttr.IsZero() {
		c.about(m.Property, "mounting "+m.Target+": its recursive options, of which a user namespace may lock some")
	}
	c.setAttributes(m.tree, unix.AT_RECURSIVE, m.RecAttr)
	c.applyPropagation(m)
}

func (c *compiler) setAttributes(mount nsenter.Cell, flags int, a spec.MountAttr) {
	c.setattr(mount, flags, unix.MountAttr{Attr_set: a.Set, Attr_clr: a.Clear})
}

// setattr changes attributes and propagation of a mount, if there is something to
// change.
func (c *compiler) setattr(mount nsenter.Cell, flags int, a unix.MountAttr) {
	if a != (unix.MountAttr{}) {
		c.MountSetattr(nsenter.Value(mount), flags, a)
	}
}

func (c *compiler) setPropagation(mount nsenter.Cell, flags int, propagation uint64) {
	c.setattr(mount, flags, unix.MountAttr{Propagation: propagation})
}

func (c *compiler) applyPropagation(m mount) {
	for _, p := range m.Propagation {
		flags := 0
		if p&unix.MS_REC != 0 {
			flags = unix.AT_RECURSIVE
		}
		c.setPropagation(m.tree, flags, p&^unix.MS_REC)
	}
}

// attach attaches a mount to its target, which is a descriptor: a path could lead
// elsewhere by now.
func (c *compiler) attach(m mount) {
	c.MoveMount(nsenter.Value(m.tree), nsenter.Value(m.target), "")
	c.close(m.tree)
	c.close(m.target)
}

// attachAt attaches a mount at a path of the host, seen from the process's own
// mount namespace and before the root was changed.
func (c *compiler) attachAt(mount nsenter.Cell, path string) {
	c.MoveMount(nsenter.Value(mount), nsenter.CWD, path)
}
