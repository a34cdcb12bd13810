package libcontainer

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// ownProcfs makes a procfs that is never attached, so that nothing can be
// mounted over what is written through it (CVE-2019-19921, CVE-2025-52881). In
// a nested container the kernel may refuse; then it is the outer one, checked
// to be a procfs, and resolved without crossing mounts.
func (c *compiler) ownProcfs() error {
	if !c.needsProcfs() {
		return nil
	}
	refused, done := c.Target(), c.Target()
	c.Label("making a procfs to write through")
	c.Call(unix.SYS_FSOPEN, c.String("proc"), nsenter.Int(unix.FSOPEN_CLOEXEC)).Into(c.fs)
	c.fsconfig(unix.FSCONFIG_CMD_CREATE, "", "").JumpOn(unix.EPERM, refused)
	c.Call(unix.SYS_FSMOUNT, nsenter.Value(c.fs), nsenter.Int(unix.FSMOUNT_CLOEXEC), nsenter.Int(0)).Into(c.procfs).JumpOn(unix.EPERM, refused)
	c.Goto(done)
	c.Place(refused)
	c.Label("taking the outer procfs, because a new one was refused")
	c.Call(unix.SYS_OPENAT, nsenter.Int(unix.AT_FDCWD), c.String("/proc"), nsenter.Int(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC), nsenter.Int(0)).Into(c.procfs)
	c.expectFilesystem(c.procfs, unix.PROC_SUPER_MAGIC)
	c.Place(done)
	c.close(c.fs)
	return nil
}

// needsProcfs tells whether anything is written through the procfs.
func (c *compiler) needsProcfs() bool {
	return len(c.hasLinux.Sysctl) > 0 ||
		c.proc.ApparmorProfile != "" && c.in.Host.AppArmor || c.proc.SelinuxLabel != "" && c.in.Host.SELinux
}

// expectFilesystem fails unless the descriptor lies on a filesystem of this
// type (statfs(2): f_type is the first word).
func (c *compiler) expectFilesystem(fd nsenter.Cell, magic uint64) {
	c.Call(unix.SYS_FSTATFS, nsenter.Value(fd), nsenter.Address(c.stat.At(0)))
	c.Expect(nsenter.Load(c.stat.At(0)), ^uint64(0), magic, unix.EINVAL)
}

// mountRoot makes $root, the root of the container's tree: a clone of the
// bundle's rootfs, attached where that is.
func (c *compiler) mountRoot() error {
	rootfs := c.in.Host.Rootfs
	if !c.mountNS {
		c.Label("opening the root filesystem " + rootfs)
		c.Call(unix.SYS_OPENAT, nsenter.Int(unix.AT_FDCWD), c.String(rootfs), nsenter.Int(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC), nsenter.Int(0)).Into(c.root)
		return nil
	}
	propagation, err := c.hostPropagation()
	if err != nil {
		return err
	}
	c.Label("separating the mounts from the host's")
	c.changeMount("/", unix.MS_REC|propagation)
	if c.shared {
		// neither what is attached there nor pivot_root may reach the host
		c.changeMount(c.in.Host.RootfsMount, unix.MS_PRIVATE)
	}
	c.Label("mounting the root filesystem " + rootfs)
	c.openTree(nsenter.Int(unix.AT_FDCWD), rootfs, unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE, c.root)
	c.setAttributes(c.root, unix.AT_RECURSIVE, mountAttr{propagation: c.clonePropagation()})
	if err := c.requestSources(); err != nil { // first: bind sources may lie below the rootfs
		return err
	}
	if len(c.hasLinux.MaskedPaths) > 0 {
		c.makeEmpty(rootfs)
	}
	c.Label("mounting the root filesystem " + rootfs)
	c.attachAt(c.root, rootfs)
	return nil
}

// hostPropagation is what all mounts of the new mount namespace become.
func (c *compiler) hostPropagation() (uint64, error) {
	switch strings.TrimPrefix(c.hasLinux.RootfsPropagation, "r") {
	case "", "slave":
		return unix.MS_SLAVE, nil
	case "private":
		return unix.MS_PRIVATE, nil
	case "shared":
		return unix.MS_SHARED, nil
	case "unbindable":
		return unix.MS_SLAVE, nil // of the root alone, at the end: what is to be bound must be bindable
	}
	return 0, fmt.Errorf("linux.rootfsPropagation: unknown value %q", c.hasLinux.RootfsPropagation)
}

// clonePropagation is the propagation that a clone gets unless its mount asks
// for another: never a peer of the host.
func (c *compiler) clonePropagation() uint64 {
	if strings.HasSuffix(c.hasLinux.RootfsPropagation, "private") {
		return unix.MS_PRIVATE
	}
	return unix.MS_SLAVE
}

// changeMount is mount(2) with nothing but flags.
func (c *compiler) changeMount(path string, flags uint64) {
	c.Call(unix.SYS_MOUNT, nsenter.Int(0), c.String(path), nsenter.Int(0), nsenter.Int(flags), nsenter.Int(0))
}

// attachAt attaches a mount at a path of the host, seen from the process's own
// mount namespace and before the root was changed.
func (c *compiler) attachAt(mount nsenter.Cell, path string) {
	c.Call(unix.SYS_MOVE_MOUNT, nsenter.Value(mount), c.String(""), nsenter.Int(unix.AT_FDCWD), c.String(path), nsenter.Int(unix.MOVE_MOUNT_F_EMPTY_PATH))
}

// makeEmpty makes the one empty read-only filesystem that hides all masked
// directories. It is attached below the root, because only what is attached
// can be cloned, and goes away with the old root.
func (c *compiler) makeEmpty(rootfs string) {
	c.Label("making an empty directory to mask with")
	c.newTmpfs(c.empty, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	c.attachAt(c.empty, rootfs)
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

func isBind(m specs.Mount, opts spec.MountOptions) bool {
	return opts.Bind || m.Type == "bind" || m.Type == "rbind"
}

// bindFlags are open_tree's for a bind mount.
func bindFlags(m specs.Mount, opts spec.MountOptions) int {
	if opts.Rbind || m.Type == "rbind" {
		return unix.OPEN_TREE_CLONE | unix.AT_RECURSIVE
	}
	return unix.OPEN_TREE_CLONE
}

func (c *compiler) bindSource(m specs.Mount) string { return bindSource(c.in.Bundle, m) }

func (c *compiler) mount(i int, m specs.Mount) error {
	opts := spec.ParseMountOptions(m.Options)
	if err := checkLengths(m, opts); err != nil {
		return err
	}
	if opts.IDMap || opts.RecIDMap || len(m.UIDMappings) > 0 || len(m.GIDMappings) > 0 {
		return fmt.Errorf("id-mapped mounts (idmap, uidMappings, gidMappings) are not supported yet")
	}
	m.Destination = c.in.Host.destination(m.Destination)
	if parts, err := components(m.Destination); err != nil {
		return err
	} else if len(parts) == 0 {
		return fmt.Errorf("the destination is the root itself")
	}
	switch {
	case opts.Remount:
		return c.remount(m, opts)
	case isBind(m, opts):
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
	if c.userNS {
		c.tree = c.sourceOf(i, "")
	} else {
		c.openTree(nsenter.Int(unix.AT_FDCWD), source, bindFlags(m, opts), c.tree)
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

// asksShared tells whether a mount is to be a peer of the host's: then, and if
// linux.rootfsPropagation asks for the same, the clone stays what it is.
func asksShared(opts spec.MountOptions) bool {
	return slices.ContainsFunc(opts.Propagation, func(p uint64) bool { return p&unix.MS_SHARED != 0 })
}

// applyOptions gives $mount the attributes and the propagation of the options.
func (c *compiler) applyOptions(opts spec.MountOptions) {
	c.setAttributes(c.tree, 0, mountAttr{set: opts.Attr.Set, clear: opts.Attr.Clear})
	c.setAttributes(c.tree, unix.AT_RECURSIVE, mountAttr{set: opts.RecAttr.Set, clear: opts.RecAttr.Clear})
	c.applyPropagation(opts)
}

func (c *compiler) applyPropagation(opts spec.MountOptions) {
	for _, p := range opts.Propagation {
		flags := 0
		if p&unix.MS_REC != 0 {
			flags = unix.AT_RECURSIVE
		}
		c.setAttributes(c.tree, flags, mountAttr{propagation: p &^ unix.MS_REC})
	}
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
	if !isBind(m, opts) && (len(opts.Data) > 0 || len(opts.SuperFlags()) > 0) {
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

// sendFds sends a tag with descriptors (unix(7), SCM_RIGHTS), each in a control
// message of its own: a result is stored 8 bytes wide.
func (c *compiler) sendFds(tag byte, fds []nsenter.Cell) {
	const slot = 24 // CMSG_SPACE of one descriptor
	control := nsenter.Buffer(slot * len(fds))
	for i := range fds {
		b := control.Bytes[slot*i:]
		binary.NativeEndian.PutUint64(b, cmsgLen)
		binary.NativeEndian.PutUint32(b[8:], unix.SOL_SOCKET)
		binary.NativeEndian.PutUint32(b[12:], unix.SCM_RIGHTS)
		c.Call(unix.SYS_FCNTL, nsenter.Value(fds[i]), nsenter.Int(unix.F_DUPFD_CLOEXEC), nsenter.Int(0)).IntoRef(control.At(slot*i + 16))
	}
	text := &nsenter.Data{Bytes: []byte{tag}}
	iov := &nsenter.Data{Bytes: make([]byte, 16), Pointers: []nsenter.Pointer{{Offset: 0, To: text.At(0)}}}
	binary.NativeEndian.PutUint64(iov.Bytes[8:], 1)
	msg := &nsenter.Data{Bytes: make([]byte, 56), Pointers: []nsenter.Pointer{{Offset: 16, To: iov.At(0)}, {Offset: 32, To: control.At(0)}}}
	binary.NativeEndian.PutUint64(msg.Bytes[24:], 1)
	binary.NativeEndian.PutUint64(msg.Bytes[40:], uint64(len(control.Bytes)))
	c.Call(unix.SYS_SENDMSG, nsenter.File(fileSync), nsenter.Address(msg.At(0)), nsenter.Int(0))
	for i := range fds {
		c.Call(unix.SYS_CLOSE, nsenter.Load(control.At(slot*i+16)))
	}
}
