package libcontainer

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// hooks waits for the hooks that see the container's mounts from before the
// root is changed.
func (c *compiler) hooks() error {
	h := c.in.Spec.Hooks
	//lint:ignore SA1019 prestart hooks are deprecated, not gone
	if h == nil || len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer) == 0 {
		return nil
	}
	c.Label("waiting for the prestart, createRuntime and createContainer hooks")
	c.sync(TagHooks)
	return nil
}

// changeRoot makes $root the root of the process, and detaches the old one.
func (c *compiler) changeRoot() error {
	c.Label("changing the root")
	switch {
	case !c.mountNS:
		c.Call(unix.SYS_FCHDIR, nsenter.Value(c.root))
		c.Call(unix.SYS_CHROOT, c.String("."))
		return nil
	case c.in.NoPivot:
		if err := c.moveRoot(); err != nil {
			return err
		}
	default:
		c.pivotRoot()
	}
	c.Call(unix.SYS_CHDIR, c.String("/"))
	if c.in.Spec.Root.Readonly {
		c.Label("making the root read-only")
		c.setAttributes(c.root, 0, mountAttr{set: unix.MOUNT_ATTR_RDONLY})
	}
	return c.rootPropagation()
}

// pivotRoot stacks the new root on the old one (pivot_root(2), "." twice) and
// takes the old one away without telling the host.
func (c *compiler) pivotRoot() {
	old := c.Cell("old root")
	c.Call(unix.SYS_OPENAT, nsenter.Int(unix.AT_FDCWD), c.String("/"), nsenter.Int(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC), nsenter.Int(0)).Into(old)
	c.Call(unix.SYS_FCHDIR, nsenter.Value(c.root))
	c.Call(unix.SYS_PIVOT_ROOT, c.String("."), c.String("."))
	c.Call(unix.SYS_FCHDIR, nsenter.Value(old))
	if c.shared {
		c.changeMount(".", unix.MS_REC|unix.MS_SLAVE)
	}
	c.Call(unix.SYS_UMOUNT2, c.String("."), nsenter.Int(unix.MNT_DETACH))
	c.close(old)
}

// moveRoot is for roots that cannot be pivoted from, such as an initramfs. The
// old root stays below; the host's /proc and /sys, with which the container
// could be left, are taken away first.
func (c *compiler) moveRoot() error {
	if strings.HasSuffix(c.hasLinux.RootfsPropagation, "private") {
		return fmt.Errorf("linux.rootfsPropagation: %s cannot be combined with --no-pivot", c.hasLinux.RootfsPropagation)
	}
	for _, path := range []string{"/proc", "/sys"} {
		c.Call(unix.SYS_UMOUNT2, c.String(path), nsenter.Int(unix.MNT_DETACH)).Ignore(unix.EINVAL, unix.EPERM, unix.ENOENT)
	}
	c.Call(unix.SYS_FCHDIR, nsenter.Value(c.root))
	c.attachAt(c.root, "/")
	c.Call(unix.SYS_CHROOT, c.String("."))
	return nil
}

// rootPropagation applies linux.rootfsPropagation to the container's own tree.
func (c *compiler) rootPropagation() error {
	if c.hasLinux.RootfsPropagation == "" {
		return nil
	}
	opts := spec.ParseMountOptions([]string{c.hasLinux.RootfsPropagation})
	if len(opts.Propagation) == 0 {
		return fmt.Errorf("linux.rootfsPropagation: unknown value %q", c.hasLinux.RootfsPropagation)
	}
	c.Label("setting linux.rootfsPropagation to " + c.hasLinux.RootfsPropagation)
	c.changeMount("/", opts.Propagation[0])
	return nil
}

func (c *compiler) hostname() error {
	if name := c.in.Spec.Hostname; name != "" {
		c.Label("setting the hostname")
		c.Call(unix.SYS_SETHOSTNAME, c.String(name), nsenter.Int(len(name)))
	}
	if name := c.in.Spec.Domainname; name != "" {
		c.Label("setting the domainname")
		c.Call(unix.SYS_SETDOMAINNAME, c.String(name), nsenter.Int(len(name)))
	}
	return nil
}

// sysctls writes linux.sysctl through the procfs that nothing can be mounted in.
func (c *compiler) sysctls() error {
	keys := make([]string, 0, len(c.hasLinux.Sysctl))
	for key := range c.hasLinux.Sysctl {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		path, err := spec.SysctlPath(key)
		if err != nil {
			return fmt.Errorf("linux.sysctl[%s]: %w", key, err)
		}
		c.Label("setting the sysctl " + key)
		c.writeProcfs("sys/"+path, c.hasLinux.Sysctl[key], unix.RESOLVE_NO_SYMLINKS)
	}
	return nil
}

// writeProcfs writes to a file of the procfs of our own.
func (c *compiler) writeProcfs(path, text string, resolve uint64) {
	fd := c.scratch
	c.Call(unix.SYS_OPENAT2, nsenter.Value(c.procfs), c.String(path),
		nsenter.Words(unix.O_WRONLY|unix.O_CLOEXEC, 0, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_XDEV|unix.RESOLVE_NO_MAGICLINKS|resolve),
		nsenter.Int(howSize)).Into(fd).RepeatOn(unix.EAGAIN, 128)
	c.Call(unix.SYS_WRITE, nsenter.Value(fd), c.String(text), nsenter.Int(len(text)))
	c.close(fd)
}

// labels sets what the LSMs will do at execve.
func (c *compiler) labels() error {
	if profile := c.proc.ApparmorProfile; profile != "" {
		if !c.in.Host.AppArmor {
			c.warn("process.apparmorProfile: this kernel has no AppArmor; %q is not applied", profile)
		} else {
			c.Label("setting the AppArmor profile " + profile)
			c.writeProcfs("self/attr/apparmor/exec", "exec "+profile, 0)
		}
	}
	if label := c.proc.SelinuxLabel; label != "" {
		if !c.in.Host.SELinux {
			c.warn("process.selinuxLabel: this kernel has no SELinux; %q is not applied", label)
		} else {
			c.Label("setting the SELinux label " + label)
			c.writeProcfs("self/attr/exec", label, 0)
		}
	}
	if label := c.hasLinux.MountLabel; label != "" && !c.in.Host.SELinux {
		c.warn("linux.mountLabel: this kernel has no SELinux; %q is not applied", label)
	}
	if c.needsProcfs() {
		c.close(c.procfs)
	}
	return nil
}
