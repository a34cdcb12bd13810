package birth

import (
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// mountCgroups shows the container its cgroups: a tmpfs with a directory for
// each hierarchy, as the host has them. With a cgroup namespace the hierarchy
// is mounted, and begins at the container's cgroup; without, that cgroup is bound.
func (c *compiler) mountCgroups(m specs.Mount, opts spec.MountOptions) error {
	if len(opts.Data) > 0 {
		c.warn("mounts (%s): a cgroup mount has no options of its own: %s ignored", m.Destination, strings.Join(opts.Data, ","))
	}
	readonly := opts.Attr.Set & unix.MOUNT_ATTR_RDONLY
	dir := specs.Mount{Destination: m.Destination, Type: "tmpfs", Source: "tmpfs"}
	list := opts
	list.Attr.Set &^= unix.MOUNT_ATTR_RDONLY // until its directories are made
	list.Data = []string{"mode=755"}
	if err := c.filesystem(dir, list); err != nil {
		return err
	}
	for _, h := range c.in.Host.Hierarchies {
		at := m.Destination + "/" + h.Name
		c.Label("mounting the cgroup hierarchy " + h.Name + " on " + at)
		if c.hasNS(specs.CgroupNamespace) {
			c.newHierarchy(h)
		} else if h.Dir == "" {
			return fmt.Errorf("the container has no cgroup in the hierarchy %s", h.Name)
		} else {
			c.openTree(nsenter.Int(unix.AT_FDCWD), h.Dir, unix.OPEN_TREE_CLONE, c.tree)
		}
		c.setAttributes(c.tree, 0, mountAttr{set: opts.Attr.Set, clear: opts.Attr.Clear, propagation: unix.MS_PRIVATE})
		if err := c.ensure(at, false, 0); err != nil {
			return err
		}
		c.attachMade()
		for _, link := range h.Links {
			c.resolve(m.Destination, unix.O_PATH|unix.O_DIRECTORY, 0, c.target)
			c.Call(unix.SYS_SYMLINKAT, c.String(h.Name), nsenter.Value(c.target), c.String(link)).Ignore(unix.EEXIST)
			c.close(c.target)
		}
	}
	if readonly != 0 {
		c.Label("making " + m.Destination + " read-only")
		c.resolve(m.Destination, unix.O_PATH|unix.O_DIRECTORY, 0, c.tree)
		c.setAttributes(c.tree, 0, mountAttr{set: readonly})
		c.close(c.tree)
	}
	return nil
}

func (c *compiler) newHierarchy(h Hierarchy) {
	c.Call(unix.SYS_FSOPEN, c.String(h.Type), nsenter.Int(unix.FSOPEN_CLOEXEC)).Into(c.fs)
	c.fsconfig(unix.FSCONFIG_SET_STRING, "source", h.Type).FailTo(c.explain)
	for _, o := range h.Options {
		if key, value, ok := strings.Cut(o, "="); ok {
			c.fsconfig(unix.FSCONFIG_SET_STRING, key, value).FailTo(c.explain)
		} else {
			c.fsconfig(unix.FSCONFIG_SET_FLAG, o, "").FailTo(c.explain)
		}
	}
	c.fsconfig(unix.FSCONFIG_CMD_CREATE, "", "").FailTo(c.explain)
	c.Call(unix.SYS_FSMOUNT, nsenter.Value(c.fs), nsenter.Int(unix.FSMOUNT_CLOEXEC), nsenter.Int(0)).Into(c.tree).FailTo(c.explain)
	c.close(c.fs)
}
