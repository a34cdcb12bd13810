package birth

import (
	"path"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// decideMounts settles which mounts and devices there will be, before anything is made.
func (c *compiler) decideMounts() error {
	c.mounts = make([]mount, len(c.in.Mounts))
	for i, m := range c.in.Mounts {
		c.mounts[i] = c.newMount(m)
	}
	devices, err := Devices(c.in.Spec, c.in.Mounts)
	for _, d := range devices {
		c.devices = append(c.devices, device{Device: d})
	}
	onHost := func(d specs.LinuxDevice) bool { return onBind(c.in.Mounts, path.Dir(path.Clean("/"+d.Path))) }
	if i := slices.IndexFunc(c.hasLinux.Devices, onHost); err == nil && i >= 0 {
		c.warn("linux.devices: none is made below a bind mount, whose files are the host's: %s is the first",
			c.hasLinux.Devices[i].Path)
	}
	return err
}

// makeMounts makes all mounts in their order, each detached, then attached to a
// descriptor of its target.
func (c *compiler) makeMounts() error {
	for _, m := range c.mounts {
		if err := c.makeMount(m); err != nil {
			return m.wrap(err)
		}
	}
	return nil
}

func (c *compiler) makeMount(m mount) error {
	switch {
	case m.Kind == Remount:
		c.remount(m)
	case m.Kind == BindMount:
		c.bind(m)
	case m.Kind == CgroupMount, m.ShowsCgroups() && c.in.Host.isUnified():
		return c.mountCgroups(m)
	case m.isLongOverlay():
		c.longOverlay(m)
	default:
		return c.filesystem(m)
	}
	return nil
}
