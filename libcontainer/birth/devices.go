package birth

import (
	"fmt"
	"os"
	"path"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// DefaultDevices are the devices that every container has
// (runtime-spec config-linux.md, Default Devices).
func DefaultDevices() []specs.LinuxDevice {
	perm := os.FileMode(0o666)
	mode := &perm
	return []specs.LinuxDevice{
		{Path: "/dev/null", Type: "c", Major: 1, Minor: 3, FileMode: mode},
		{Path: "/dev/zero", Type: "c", Major: 1, Minor: 5, FileMode: mode},
		{Path: "/dev/full", Type: "c", Major: 1, Minor: 7, FileMode: mode},
		{Path: "/dev/random", Type: "c", Major: 1, Minor: 8, FileMode: mode},
		{Path: "/dev/urandom", Type: "c", Major: 1, Minor: 9, FileMode: mode},
		{Path: "/dev/tty", Type: "c", Major: 5, Minor: 0, FileMode: mode},
	}
}

// defaultLinks are the symbolic links in /dev: target, then name.
var defaultLinks = [...][2]string{
	{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
	{"pts/ptmx", "ptmx"},
}

// devices makes linux.devices, and the default devices and links unless /dev is
// the host's, bound there by the config.
func (c *compiler) devices() error {
	mount := c.tree
	for _, d := range c.allDevices() {
		if err := c.device(d); err != nil {
			return fmt.Errorf("linux.devices (%s): %w", d.Path, err)
		}
	}
	c.tree = mount
	if c.bindsDev() {
		return nil
	}
	c.Label("making the links in /dev")
	if err := c.ensure("/dev", false, 0); err != nil {
		return err
	}
	for _, link := range defaultLinks {
		c.Call(unix.SYS_SYMLINKAT, c.String(link[0]), nsenter.Value(c.target), c.String(link[1])).Ignore(unix.EEXIST)
	}
	c.close(c.target)
	return nil
}

// allDevices are linux.devices and the default devices that they do not replace.
func (c *compiler) allDevices() []specs.LinuxDevice {
	list := slices.Clone(c.hasLinux.Devices)
	if c.bindsDev() {
		return list
	}
	for _, d := range DefaultDevices() {
		if !slices.ContainsFunc(list, func(o specs.LinuxDevice) bool { return path.Clean(o.Path) == d.Path }) {
			list = append(list, d)
		}
	}
	return list
}

// bindsDev tells whether the config binds a directory of the host to /dev.
func (c *compiler) bindsDev() bool {
	return slices.ContainsFunc(c.in.Spec.Mounts, func(m specs.Mount) bool {
		return path.Clean("/"+m.Destination) == "/dev" && (m.Type == "bind" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind"))
	})
}

func (c *compiler) device(d specs.LinuxDevice) error {
	kind, err := deviceKind(d.Type)
	if err != nil {
		return err
	}
	dir, name := path.Split(path.Clean("/" + d.Path))
	if name == "" {
		return fmt.Errorf("the path has no name")
	}
	if c.userNS && kind != unix.S_IFIFO {
		return c.bindDevice(d)
	}
	c.Label("making the device " + d.Path)
	if err := c.ensure(dir, false, 0); err != nil {
		return err
	}
	mode, number := uint64(0o666), uint64(0)
	if d.FileMode != nil {
		mode = uint64(d.FileMode.Perm())
	}
	if kind != unix.S_IFIFO {
		number = unix.Mkdev(uint32(d.Major), uint32(d.Minor))
	}
	exists, done := c.Target(), c.Target()
	c.Call(unix.SYS_MKNODAT, nsenter.Value(c.target), c.String(name), nsenter.Int(kind|mode), nsenter.Int(number)).JumpOn(unix.EEXIST, exists)
	if d.UID != nil || d.GID != nil {
		c.Call(unix.SYS_FCHOWNAT, nsenter.Value(c.target), c.String(name), idOrKeep(d.UID), idOrKeep(d.GID), nsenter.Int(unix.AT_SYMLINK_NOFOLLOW))
	}
	c.Goto(done)
	c.Place(exists)
	c.expectDevice(d, name, kind)
	c.Place(done)
	c.close(c.target)
	return nil
}

// expectDevice fails with EEXIST unless the existing file is that device.
func (c *compiler) expectDevice(d specs.LinuxDevice, name string, kind uint64) {
	c.Label("checking that the existing " + d.Path + " is the device that the config describes")
	c.statx(c.target, name)
	c.Expect(nsenter.Load(c.stat.At(statxGidMode)), unix.S_IFMT<<modeShift, kind<<modeShift, unix.EEXIST)
	if kind != unix.S_IFIFO {
		c.Expect(nsenter.Load(c.stat.At(statxRdev)), ^uint64(0), uint64(uint32(d.Major))|uint64(d.Minor)<<32, unix.EEXIST)
	}
}

func deviceKind(t string) (uint64, error) {
	switch t {
	case "c", "u":
		return unix.S_IFCHR, nil
	case "b":
		return unix.S_IFBLK, nil
	case "p":
		return unix.S_IFIFO, nil
	}
	return 0, fmt.Errorf("unknown device type %q", t)
}

func idOrKeep(id *uint32) nsenter.Arg {
	if id == nil {
		return nsenter.Int(-1)
	}
	return nsenter.Int(*id)
}
