package birth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// fsconfigMax is the length of strings that fsconfig(2) takes.
const fsconfigMax = 255

// checkLengths refuses what fsconfig(2), or mount(2) with its page of options,
// would, without saying why.
func (m *Mount) checkLengths() error {
	const most, page = fsconfigMax, 4095
	if m.Bind {
		return nil
	}
	if m.isLongOverlay() {
		if n := len(commas(m.Data)); n > page {
			return fmt.Errorf("the options are %d bytes long, the kernel takes %d", n, page)
		}
		return nil
	}
	if len(m.Source) > most {
		return fmt.Errorf("source: longer than the %d bytes that the kernel takes", most)
	}
	for _, option := range m.Data {
		if key, value, _ := strings.Cut(option, "="); len(key) > most || len(value) > most {
			return fmt.Errorf("option %.40s…: longer than the %d bytes that the kernel takes", option, most)
		}
	}
	return nil
}

// isOfKernel reports whether a type of filesystems is without a device; read-only is a
// matter of their mounts alone, because their content is shared or still to be made.
func isOfKernel(filesystem string) bool {
	return slices.Contains([]string{"proc", "sysfs", "tmpfs", "ramfs", "devpts", "mqueue", "cgroup", "cgroup2",
		"devtmpfs", "overlay", "bpf", "debugfs", "tracefs", "securityfs"}, filesystem)
}

// filesystem mounts a new filesystem.
func (c *compiler) filesystem(m mount) error {
	late := m.restrictedLast()
	if late {
		m.tree = c.Cell(fmt.Sprintf("read-only %d", len(c.restricted)))
		m.Attr.Set &^= unix.MOUNT_ATTR_RDONLY
		m.RecAttr.Set &^= unix.MOUNT_ATTR_RDONLY
		c.restricted = append(c.restricted, m)
	}
	c.about(m.Property, "mounting "+m.Type+" on "+m.Target)
	if m.Type == "proc" {
		c.Kind(KindProcfs)
	}
	opened, made := c.Fsopen(m.Type).Into(c.fs), c.Target()
	if m.Type == "sysfs" && !c.newNS[specs.NetworkNamespace] {
		c.hostSysfs(m, opened, made)
	}
	ofJoined := m.Type == "proc" && c.late
	if ofJoined {
		c.setPidNamespace()
	}
	if m.Source != "" {
		c.FsconfigSetString(nsenter.Value(c.fs), "source", m.Source).FailTo(c.explain)
	}
	c.filesystemOptions(m.Mount)
	c.createFilesystem(m.Attr.Set, m.tree)
	if ofJoined {
		c.expectFilesystem(m.tree, unix.PROC_SUPER_MAGIC)
	}
	c.Place(made)

	how := unix.OpenHow{}
	if m.NoSymlinks {
		how.Resolve = unix.RESOLVE_NO_SYMLINKS
	}
	var err error
	c.ensure(m.Target, unix.S_IFDIR, how, m.target, func() {
		if m.Type == "tmpfs" {
			err = c.fillTmpfs(m)
		}
	})
	if err != nil {
		return err
	}
	c.setAttributes(m.tree, unix.AT_RECURSIVE, m.RecAttr)
	c.applyPropagation(m)
	c.MoveMount(nsenter.Value(m.tree), nsenter.Value(m.target), "")
	c.countVersions(m)
	if !late {
		c.close(m.tree)
	}
	c.close(m.target)
	return nil
}

// hostSysfsAttrs are the attributes that a mount of the host's sysfs gets: when it was looked at is
// the host's matter.
const hostSysfsAttrs = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC

// hostSysfs binds the host's sysfs, of the same network namespace, where the kernel refuses a
// new one (EPERM): that is for who owns the network namespace. It shows the same, but for what
// is mounted below, and as crun's it is read-only throughout if it is to be that.
func (c *compiler) hostSysfs(m mount, opened nsenter.Call, made nsenter.Target) {
	refused, makes := c.Target(), c.Target()
	opened.JumpOn(unix.EPERM, refused)
	c.Goto(makes)
	c.Place(refused)
	c.OpenTree(nsenter.CWD, "/sys", unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE).Into(m.tree)
	c.expectFilesystem(m.tree, unix.SYSFS_MAGIC)
	c.setattr(m.tree, unix.AT_RECURSIVE, unix.MountAttr{Attr_set: m.Attr.Set & hostSysfsAttrs,
		Propagation: unix.MS_PRIVATE})
	c.Goto(made)
	c.Place(makes)
}

// restrictedLast reports whether the mount becomes read-only when all else is made: a
// filesystem that is empty at first takes its content then, and the mount points below.
func (m *Mount) restrictedLast() bool {
	attr := m.Attr.Set&^m.RecAttr.Clear | m.RecAttr.Set
	return (m.Type == "tmpfs" || m.Type == "ramfs") && attr&unix.MOUNT_ATTR_RDONLY != 0
}

// restrict makes read-only what only now may be.
func (c *compiler) restrict() error {
	for _, m := range c.restricted {
		c.about(m.Property, "making "+m.Target+" read-only")
		c.setAttributes(m.tree, 0, spec.MountAttr{Set: unix.MOUNT_ATTR_RDONLY})
		c.close(m.tree)
	}
	return nil
}

// createFilesystem ends the configuration of $fs, and makes a mount of it.
func (c *compiler) createFilesystem(attributes uint64, into nsenter.Cell) {
	c.FsconfigCreate(nsenter.Value(c.fs)).FailTo(c.explain)
	c.Fsmount(nsenter.Value(c.fs), attributes).Into(into).FailTo(c.explain)
	c.close(c.fs)
}

// filesystemOptions gives $fs the options of a mount.
func (c *compiler) filesystemOptions(m Mount) {
	if isOfKernel(m.Type) {
		m.SuperSet &^= unix.MS_RDONLY
		m.SuperClear &^= unix.MS_RDONLY
	}
	c.setOptions(m.SuperFlags())
	c.setOptions(m.Data)
	label := c.hasLinux.MountLabel
	if label != "" && c.in.Host.SELinux && (m.Type == "tmpfs" || m.Type == "mqueue" || m.Type == "devpts") {
		c.FsconfigSetString(nsenter.Value(c.fs), "context", label).FailTo(c.explain)
	}
}

// setOptions gives $fs options of the forms key and key=value.
func (c *compiler) setOptions(options []string) {
	for _, option := range options {
		if key, value, ok := strings.Cut(option, "="); ok {
			c.FsconfigSetString(nsenter.Value(c.fs), key, value).FailTo(c.explain)
		} else {
			c.FsconfigSetFlag(nsenter.Value(c.fs), option).FailTo(c.explain)
		}
	}
}

// explanations is where a failed mount ends: with the kernel's own words in the
// report (fsopen(2): messages are read from the context's descriptor).
func (c *compiler) explanations() error {
	c.Label("reading what the kernel says")
	c.Place(c.explain)
	c.Read(nsenter.Value(c.fs), nsenter.ReportMessage(), nsenter.MaxMessage-1).Ignore(nsenter.AnyErrno)
	c.ExitGroup(1)
	return nil
}
