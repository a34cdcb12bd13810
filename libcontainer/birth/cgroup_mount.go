package birth

import (
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// mountCgroups shows the container its cgroups: a tmpfs with a directory for
// each hierarchy, as the host has them. With a cgroup namespace the hierarchy
// is mounted, and begins at the container's cgroup; without, that cgroup is bound. One without a
// name, that of cgroup v2, is mounted on the destination itself.
func (c *compiler) mountCgroups(m mount) error {
	if len(m.Data) > 0 {
		c.warn("%s (%s): a cgroup mount has no options of its own: %s ignored",
			m.Property, m.Destination, commas(m.Data))
	}
	if h := c.in.Host.Hierarchies; len(h) == 1 && h[0].Name == "" {
		return c.mountHierarchy(m, h[0])
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

// mountHierarchy mounts one on its directory in the list.
func (c *compiler) mountHierarchy(list mount, h Hierarchy) error {
	m := list
	if h.Name != "" {
		m.Target += "/" + h.Name
	}
	c.about(m.Property, strings.TrimSuffix("mounting the cgroup hierarchy "+h.Name, " ")+" on "+m.Target)
	if c.hasNS(specs.CgroupNamespace) {
		c.newHierarchy(h, m.tree)
	} else if h.Dir == "" {
		return fmt.Errorf("the container has no cgroup in the hierarchy %s", h.Name)
	} else {
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
	c.FsconfigSetString(nsenter.Value(c.fs), "source", h.Type).FailTo(c.explain)
	c.setOptions(h.Options)
	c.createFilesystem(0, into)
}
