package birth

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// ShowsCgroups reports whether a mount shows the container its cgroups. Its type is cgroup, whatever
// their version, or, where there is only version 2, cgroup2.
func (m *Mount) ShowsCgroups() bool {
	return m.Kind == CgroupMount || m.Kind == FilesystemMount && m.Type == "cgroup2"
}

// isUnified reports whether the host has one hierarchy of cgroups, of version 2.
func (h *Host) isUnified() bool { return len(h.Hierarchies) == 1 && h.Hierarchies[0].Name == "" }

// mountCgroups shows the container its cgroups. Those of version 1 are a tmpfs with a directory for
// each hierarchy, as the host has them. With a cgroup namespace the hierarchy
// is mounted, and begins at the container's cgroup; without, that cgroup is bound.
func (c *compiler) mountCgroups(m mount) error {
	if len(m.Data) > 0 {
		c.warn("%s (%s): a cgroup mount has no options of its own: %s ignored",
			m.Property, m.Destination, commas(m.Data))
	}
	if c.in.Host.isUnified() {
		return c.mountHierarchy(m, c.in.Host.Hierarchies[0])
	}
	list := m
	list.Type, list.Source, list.Data = "tmpfs", "tmpfs", []string{"mode=755"}
	if err := c.filesystem(list); err != nil {
		return err
	}
	for _, h := range c.in.Host.Hierarchies {
		if err := c.mountHierarchy(m, h); err != nil {
			return err
		}
	}
	return nil
}

// mountHierarchy mounts one on its directory in the list, or as the list.
func (c *compiler) mountHierarchy(list mount, h Hierarchy) error {
	m := list
	if h.Name == "" {
		c.about(m.Property, "mounting the cgroup hierarchy on "+m.Target)
	} else {
		m.Target += "/" + h.Name
		c.about(m.Property, "mounting the cgroup hierarchy "+h.Name+" on "+m.Target)
	}
	switch {
	case c.hasNS(specs.CgroupNamespace):
		c.newHierarchy(h, m.tree)
	case h.Dir == "":
		return fmt.Errorf("the container has no cgroup in the hierarchy %s", h.Name)
	default:
		if h.Shared && (c.userNS || !c.in.Host.HostRoot) && m.Attr.Set&unix.MOUNT_ATTR_RDONLY == 0 {
			m.Attr.Set |= unix.MOUNT_ATTR_RDONLY
			c.warn("%s (%s): mounted read-only: without a cgroup namespace it shows the cgroups of others, too",
				m.Property, m.Destination)
		}
		c.OpenTree(nsenter.CWD, h.Dir, unix.OPEN_TREE_CLONE).Into(m.tree)
	}
	c.setattr(m.tree, 0, unix.MountAttr{Attr_set: m.Attr.Set, Attr_clr: m.Attr.Clear, Propagation: unix.MS_PRIVATE})
	c.ensureDirectory(m.Target, 0, m.target)
	c.attach(m)
	for _, link := range h.Links {
		c.resolve(list.Target, unix.O_PATH|unix.O_DIRECTORY, 0, m.target)
		c.Symlinkat(h.Name, nsenter.Value(m.target), link).Ignore(unix.EEXIST)
		c.close(m.target)
	}
	return nil
}

func (c *compiler) newHierarchy(h Hierarchy, into nsenter.Cell) {
	c.Fsopen(h.Type).Into(c.fs)
	c.FsconfigSetString(nsenter.Value(c.fs), "source", "cgroup").FailTo(c.explain)
	c.setOptions(h.Options)
	c.createFilesystem(0, into)
}
