package birth

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

func (c *compiler) fsconfig(command int, key, value string) nsenter.Call {
	k, v := nsenter.Int(0), nsenter.Int(0)
	if key != "" {
		k = c.String(key)
	}
	if command == unix.FSCONFIG_SET_STRING {
		v = c.String(value)
	}
	return c.Call(unix.SYS_FSCONFIG, nsenter.Value(c.fs), nsenter.Int(command), k, v, nsenter.Int(0))
}

// fsconfigMax is the length of strings that fsconfig(2) takes.
const fsconfigMax = 255

// longOverlay tells overlays that only mount(2) can mount: their directories'
// paths are long, and there may be many.
func longOverlay(m specs.Mount, opts spec.MountOptions) bool {
	return m.Type == "overlay" && !IsBind(m, opts) && !opts.Remount &&
		slices.ContainsFunc(opts.Data, func(option string) bool { return len(option) > fsconfigMax })
}

// checkLengths refuses what fsconfig(2), or mount(2) with its page of options,
// would, without saying why.
func checkLengths(m specs.Mount, opts spec.MountOptions) error {
	const most, page = fsconfigMax, 4095
	if IsBind(m, opts) {
		return nil
	}
	if longOverlay(m, opts) {
		if n := len(strings.Join(opts.Data, ",")); n > page {
			return fmt.Errorf("the options are %d bytes long, the kernel takes %d", n, page)
		}
		return nil
	}
	if len(m.Source) > most {
		return fmt.Errorf("source: longer than the %d bytes that the kernel takes", most)
	}
	for _, option := range opts.Data {
		if key, value, _ := strings.Cut(option, "="); len(key) > most || len(value) > most {
			return fmt.Errorf("option %.40s…: longer than the %d bytes that the kernel takes", option, most)
		}
	}
	return nil
}

// kernelFilesystem tells filesystems without a device; read-only is a matter of
// their mounts alone, because their content is shared or still to be made.
func kernelFilesystem(t string) bool {
	switch t {
	case "proc", "sysfs", "tmpfs", "ramfs", "devpts", "mqueue", "cgroup", "cgroup2", "devtmpfs", "overlay", "bpf", "debugfs", "tracefs", "securityfs":
		return true
	}
	return false
}

// filesystem mounts a new filesystem.
func (c *compiler) filesystem(m specs.Mount, opts spec.MountOptions) error {
	later := uint64(0)
	if m.Type == "tmpfs" { // when it is filled, and has the mode of what it covers
		later = opts.Attr.Set & unix.MOUNT_ATTR_RDONLY
	}
	c.Label("mounting " + m.Type + " on " + m.Destination)
	c.Call(unix.SYS_FSOPEN, c.String(m.Type), nsenter.Int(unix.FSOPEN_CLOEXEC)).Into(c.fs)
	if m.Source != "" {
		c.fsconfig(unix.FSCONFIG_SET_STRING, "source", m.Source).FailTo(c.explain)
	}
	c.filesystemOptions(m, opts)
	c.fsconfig(unix.FSCONFIG_CMD_CREATE, "", "").FailTo(c.explain)
	c.Call(unix.SYS_FSMOUNT, nsenter.Value(c.fs), nsenter.Int(unix.FSMOUNT_CLOEXEC), nsenter.Int(opts.Attr.Set&^later)).Into(c.tree).FailTo(c.explain)
	c.close(c.fs)

	resolve := uint64(0)
	if m.Type == "proc" || m.Type == "sysfs" {
		resolve = unix.RESOLVE_NO_SYMLINKS // CVE-2023-27561: an image must not choose where they are
	}
	if err := c.ensure(m.Destination, false, resolve); err != nil {
		return err
	}
	if m.Type == "tmpfs" && !hasKey(opts.Data, "mode") {
		c.copyMode()
	}
	if opts.TmpCopyUp {
		if m.Type != "tmpfs" {
			return fmt.Errorf("option tmpcopyup: the type is %s, not tmpfs", m.Type)
		}
		if err := c.copyUp(opts.Data); err != nil {
			return err
		}
	}
	c.setAttributes(c.tree, 0, mountAttr{set: later})
	c.setAttributes(c.tree, unix.AT_RECURSIVE, mountAttr{set: opts.RecAttr.Set, clear: opts.RecAttr.Clear})
	c.applyPropagation(opts)
	c.attach(c.tree, c.target)
	c.countVersions(opts)
	c.close(c.tree)
	c.close(c.target)
	return nil
}

// longOverlay mounts an overlay by mount(2), on the working directory: so the
// kernel is given a descriptor for the destination here, too.
func (c *compiler) longOverlay(m specs.Mount, opts spec.MountOptions) error {
	c.Label("mounting " + m.Type + " on " + m.Destination)
	if err := c.ensure(m.Destination, false, 0); err != nil {
		return err
	}
	c.Call(unix.SYS_FCHDIR, nsenter.Value(c.target))
	c.Call(unix.SYS_MOUNT, c.String(cmp.Or(m.Source, m.Type)), c.String("."), c.String(m.Type),
		nsenter.Int(mountFlags(opts)), c.String(strings.Join(opts.Data, ",")))
	c.close(c.target)
	// what can be is set already: whoever else has the rootfs may change the path now
	c.resolve(m.Destination, unix.O_PATH, 0, c.tree)
	c.expectFilesystem(c.tree, unix.OVERLAYFS_SUPER_MAGIC)
	c.applyOptions(opts)
	c.close(c.tree)
	return nil
}

// countVersions sets iversion, which only a remount by mount(2) can: it wants the
// attributes of the mount once more.
func (c *compiler) countVersions(opts spec.MountOptions) {
	if opts.SuperSet&unix.MS_I_VERSION == 0 {
		return
	}
	c.Call(unix.SYS_FCHDIR, nsenter.Value(c.tree))
	c.changeMount(".", unix.MS_REMOUNT|mountFlags(opts))
}

// mountFlags are the options as mount(2) takes them.
func mountFlags(opts spec.MountOptions) uint64 {
	flags := opts.SuperSet
	for _, f := range [...]struct{ attr, flag uint64 }{
		{unix.MOUNT_ATTR_RDONLY, unix.MS_RDONLY}, {unix.MOUNT_ATTR_NOSUID, unix.MS_NOSUID}, {unix.MOUNT_ATTR_NODEV, unix.MS_NODEV},
		{unix.MOUNT_ATTR_NOEXEC, unix.MS_NOEXEC}, {unix.MOUNT_ATTR_NOATIME, unix.MS_NOATIME}, {unix.MOUNT_ATTR_NODIRATIME, unix.MS_NODIRATIME},
		{unix.MOUNT_ATTR_STRICTATIME, unix.MS_STRICTATIME}, {unix.MOUNT_ATTR_NOSYMFOLLOW, unix.MS_NOSYMFOLLOW},
	} {
		if opts.Attr.Set&f.attr != 0 {
			flags |= f.flag
		}
	}
	return flags
}

func hasKey(options []string, key string) bool {
	return slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, key+"=") })
}

func (c *compiler) filesystemOptions(m specs.Mount, opts spec.MountOptions) {
	if kernelFilesystem(m.Type) {
		opts.SuperSet &^= unix.MS_RDONLY
		opts.SuperClear &^= unix.MS_RDONLY
	}
	for _, flag := range opts.SuperFlags() {
		c.fsconfig(unix.FSCONFIG_SET_FLAG, flag, "").FailTo(c.explain)
	}
	for _, option := range opts.Data {
		if key, value, ok := strings.Cut(option, "="); ok {
			c.fsconfig(unix.FSCONFIG_SET_STRING, key, value).FailTo(c.explain)
		} else {
			c.fsconfig(unix.FSCONFIG_SET_FLAG, option, "").FailTo(c.explain)
		}
	}
	if label := c.hasLinux.MountLabel; label != "" && c.in.Host.SELinux && (m.Type == "tmpfs" || m.Type == "mqueue" || m.Type == "devpts") {
		c.fsconfig(unix.FSCONFIG_SET_STRING, "context", label).FailTo(c.explain)
	}
}

// copyMode gives the root of $mount, a tmpfs, the mode of the directory that it
// will cover.
func (c *compiler) copyMode() {
	c.statx(c.target, "")
	// the kernel takes a mode's lower 16 bits and drops the file type
	c.Call(unix.SYS_FCHMODAT, nsenter.Value(c.tree), c.String("."), nsenter.Load(c.stat.At(statxMode)))
}

// copyUp has the launcher copy the content of $target to $mount, and with it the
// owner and the mode, unless options say those.
func (c *compiler) copyUp(options []string) error {
	c.sync(TagCopyUp, c.target, c.tree)
	own, ids := false, [2]nsenter.Arg{nsenter.Int(-1), nsenter.Int(-1)}
	for _, option := range options {
		key, value, _ := strings.Cut(option, "=")
		base := 10
		if key == "mode" {
			base = 8
		} else if key != "uid" && key != "gid" {
			continue
		}
		n, err := strconv.ParseUint(value, base, 32)
		if err != nil {
			return fmt.Errorf("option %s: %w", option, err)
		}
		switch key {
		case "mode":
			defer func() { c.Call(unix.SYS_FCHMODAT, nsenter.Value(c.tree), c.String("."), nsenter.Int(n)) }()
		case "uid":
			own, ids[0] = true, nsenter.Int(n)
		case "gid":
			own, ids[1] = true, nsenter.Int(n)
		}
	}
	if own {
		c.Call(unix.SYS_FCHOWNAT, nsenter.Value(c.tree), c.String("."), ids[0], ids[1], nsenter.Int(0))
	}
	return nil
}

// explanations is where a failed mount ends: with the kernel's own words in the
// report (fsopen(2): messages are read from the context's descriptor).
func (c *compiler) explanations() error {
	c.Label("reading what the kernel says")
	c.Place(c.explain)
	c.Call(unix.SYS_READ, nsenter.Value(c.fs), nsenter.Address(nsenter.ReportMessage()), nsenter.Int(nsenter.MaxMessage-1)).Ignore(nsenter.AnyErrno)
	c.Call(unix.SYS_EXIT_GROUP, nsenter.Int(1))
	return nil
}
