package birth

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// changeMount is mount(2) with nothing but flags.
func (c *compiler) changeMount(path string, flags uint64) {
	c.Call(unix.SYS_MOUNT, nsenter.Int(0), c.String(path), nsenter.Int(0), nsenter.Int(flags), nsenter.Int(0))
}

// attachAt attaches a mount at a path of the host, seen from the process's own
// mount namespace and before the root was changed.
func (c *compiler) attachAt(mount nsenter.Cell, path string) {
	c.Call(unix.SYS_MOVE_MOUNT, nsenter.Value(mount), c.String(""), nsenter.Int(unix.AT_FDCWD), c.String(path), nsenter.Int(unix.MOVE_MOUNT_F_EMPTY_PATH))
}

// newTmpfs makes a detached tmpfs.
func (c *compiler) newTmpfs(into nsenter.Cell, attributes uint64) {
	c.Call(unix.SYS_FSOPEN, c.String("tmpfs"), nsenter.Int(unix.FSOPEN_CLOEXEC)).Into(c.fs)
	c.fsconfig(unix.FSCONFIG_SET_STRING, "mode", "0755").FailTo(c.explain)
	c.fsconfig(unix.FSCONFIG_CMD_CREATE, "", "").FailTo(c.explain)
	c.Call(unix.SYS_FSMOUNT, nsenter.Value(c.fs), nsenter.Int(unix.FSMOUNT_CLOEXEC), nsenter.Int(attributes)).Into(into).FailTo(c.explain)
	c.close(c.fs)
}

// mounts makes config.mounts in their order, each detached, then attached to a
// descriptor of its destination.
func (c *compiler) mounts() error {
	mount := c.tree
	for i, m := range c.allMounts() {
		c.tree = mount
		if err := c.mount(i, m); err != nil {
			return fmt.Errorf("mounts[%d] (%s): %w", i, m.Destination, err)
		}
	}
	c.tree = mount
	return nil
}

func (c *compiler) allMounts() []specs.Mount {
	return slices.Concat(c.in.Spec.Mounts, c.in.ExtraMounts)
}

func IsBind(m specs.Mount, opts spec.MountOptions) bool {
	return opts.Bind || m.Type == "bind" || m.Type == "rbind"
}

// BindFlags are open_tree's for a bind mount.
func BindFlags(m specs.Mount, opts spec.MountOptions) int {
	if opts.Rbind || m.Type == "rbind" {
		return unix.OPEN_TREE_CLONE | unix.AT_RECURSIVE
	}
	return unix.OPEN_TREE_CLONE
}

func (c *compiler) bindSource(m specs.Mount) string { return BindSource(c.in.Bundle, m) }

func (c *compiler) mount(i int, m specs.Mount) error {
	opts := spec.ParseMountOptions(m.Options)
	if err := checkLengths(m, opts); err != nil {
		return err
	}
	if opts.IDMap || opts.RecIDMap || len(m.UIDMappings) > 0 || len(m.GIDMappings) > 0 {
		return fmt.Errorf("id-mapped mounts (idmap, uidMappings, gidMappings) are not supported yet")
	}
	m.Destination = c.in.Host.destination(m.Destination)
	if parts, err := Components(m.Destination); err != nil {
		return err
	} else if len(parts) == 0 {
		return fmt.Errorf("the destination is the root itself")
	}
	switch {
	case opts.Remount:
		return c.remount(m, opts)
	case IsBind(m, opts):
		return c.bind(i, m, opts)
	case m.Type == "cgroup":
		return c.mountCgroups(m, opts)
	case m.Type == "":
		return fmt.Errorf("type is missing, and the options have neither bind nor rbind")
	}
	if longOverlay(m, opts) {
		return c.longOverlay(m, opts)
	}
	return c.filesystem(m, opts)
}

// bind clones the source's mount and attaches it to a directory or a file,
// whichever the source is.
func (c *compiler) bind(i int, m specs.Mount, opts spec.MountOptions) error {
	if m.Source == "" {
		return fmt.Errorf("source is missing")
	}
	source := c.bindSource(m)
	if len(opts.Data) > 0 {
		c.warn("mounts[%d] (%s): a bind mount has no options of a filesystem: %s ignored", i, m.Destination, strings.Join(opts.Data, ","))
	}
	c.Label("binding " + source + " to " + m.Destination)
	c.Kind(KindBind)
	if c.userNS {
		c.tree = c.sourceOf(i, "")
	} else {
		c.openTree(nsenter.Int(unix.AT_FDCWD), source, BindFlags(m, opts), c.tree)
	}
	if !c.shared || !asksShared(opts) {
		c.setAttributes(c.tree, unix.AT_RECURSIVE, mountAttr{propagation: c.clonePropagation()})
	}
	c.applyOptions(opts)
	dir, attach := c.Target(), c.Target()
	c.statx(c.tree, "")
	c.jumpIfDir(dir)
	if err := c.ensure(m.Destination, true, 0); err != nil {
		return err
	}
	c.Goto(attach)
	c.Place(dir)
	if err := c.ensure(m.Destination, false, 0); err != nil {
		return err
	}
	c.Place(attach)
	c.attachMade()
	return nil
}

// applyOptions gives $mount the attributes and the propagation of the options.
func (c *compiler) applyOptions(opts spec.MountOptions) {
	c.setAttributes(c.tree, 0, mountAttr{set: opts.Attr.Set, clear: opts.Attr.Clear})
	c.setAttributes(c.tree, unix.AT_RECURSIVE, mountAttr{set: opts.RecAttr.Set, clear: opts.RecAttr.Clear})
	c.applyPropagation(opts)
}

// attachMade attaches $mount to $target and closes both.
func (c *compiler) attachMade() {
	c.attach(c.tree, c.target)
	c.close(c.tree)
	c.close(c.target)
}

// remount changes the attributes of what is mounted at the destination: like
// mount(2) it sets what is given and clears what is not.
func (c *compiler) remount(m specs.Mount, opts spec.MountOptions) error {
	const all = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NOSYMFOLLOW
	c.Label("remounting " + m.Destination)
	c.resolve(m.Destination, unix.O_PATH, 0, c.tree)
	// a bind mount's remount is about the mount alone: its filesystem may be the host's
	if !IsBind(m, opts) && (len(opts.Data) > 0 || len(opts.SuperFlags()) > 0) {
		c.Call(unix.SYS_FSPICK, nsenter.Value(c.tree), c.String(""), nsenter.Int(unix.FSPICK_CLOEXEC|unix.FSPICK_EMPTY_PATH)).Into(c.fs)
		c.filesystemOptions(m, opts)
		c.fsconfig(unix.FSCONFIG_CMD_RECONFIGURE, "", "").FailTo(c.explain)
		c.close(c.fs)
	}
	opts.Attr.Clear |= all &^ opts.Attr.Set
	c.applyOptions(opts)
	c.close(c.tree)
	return nil
}

// BindSource is the path of a bind mount's source on the host.
func BindSource(bundle string, m specs.Mount) string {
	if filepath.IsAbs(m.Source) {
		return m.Source
	}
	return filepath.Join(bundle, m.Source)
}

// openTree clones the mount at path. A clone is attached only after it was
// given a propagation: see [compiler.setAttributes].
func (c *compiler) openTree(dir nsenter.Arg, path string, flags int, into nsenter.Cell) nsenter.Call {
	flags |= unix.OPEN_TREE_CLOEXEC
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	return c.Call(unix.SYS_OPEN_TREE, dir, c.String(path), nsenter.Int(flags)).Into(into)
}

// attach moves the detached mount to the directory or file that target is.
func (c *compiler) attach(mount, target nsenter.Cell) {
	c.Call(unix.SYS_MOVE_MOUNT, nsenter.Value(mount), c.String(""), nsenter.Value(target), c.String(""),
		nsenter.Int(unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH))
}

// mountAttr is struct mount_attr of mount_setattr(2).
type mountAttr struct{ set, clear, propagation uint64 }

func (c *compiler) setAttributes(mount nsenter.Cell, flags int, a mountAttr) {
	if a == (mountAttr{}) {
		return
	}
	c.Call(unix.SYS_MOUNT_SETATTR, nsenter.Value(mount), c.String(""), nsenter.Int(unix.AT_EMPTY_PATH|flags),
		nsenter.Words(a.set, a.clear, a.propagation, 0), nsenter.Int(32))
}
