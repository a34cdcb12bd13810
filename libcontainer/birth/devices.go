package birth

import (
	"fmt"
	"path"
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// defaultDevices are the devices that every container has
// (runtime-spec config-linux.md, Default Devices).
var defaultDevices = [...]specs.LinuxDevice{
	{Path: "/dev/null", Type: "c", Major: 1, Minor: 3},
	{Path: "/dev/zero", Type: "c", Major: 1, Minor: 5},
	{Path: "/dev/full", Type: "c", Major: 1, Minor: 7},
	{Path: "/dev/random", Type: "c", Major: 1, Minor: 8},
	{Path: "/dev/urandom", Type: "c", Major: 1, Minor: 9},
	{Path: "/dev/tty", Type: "c", Major: 5, Minor: 0},
}

// defaultLinks are the symbolic links in /dev: target, then name.
var defaultLinks = [...][2]string{
	{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
	{"pts/ptmx", "ptmx"},
}

// Device is a device of the container, decided.
type Device struct {
	Property string // of config.json that it comes from: "linux.devices[0]"; "" if it is a default device
	Path     string // as the configuration has it
	Target   string // absolute and clean
	// Bound: it is a mount of a node that comes from outside of the user namespace, in
	// which none that counts can be made.
	Bound bool

	mode     uint32 // type and permissions
	major    uint32
	minor    uint32
	uid, gid *uint32
}

// Devices decides the devices of a configuration: linux.devices and those of the
// default devices that they do not replace, but for those of a directory of the host's,
// where they are or are not. It looks nothing up.
func Devices(s *specs.Spec, mounts []Mount) ([]Device, error) {
	var list []Device
	if s.Linux != nil {
		for i, d := range s.Linux.Devices {
			device, err := decideDevice(s, d)
			if err != nil {
				return nil, fmt.Errorf("linux.devices (%s): %w", d.Path, err)
			}
			device.Property = "linux.devices[" + strconv.Itoa(i) + "]"
			list = append(list, device)
		}
	}
	for _, d := range defaultDevices {
		if !slices.ContainsFunc(list, func(o Device) bool { return o.Target == d.Path }) {
			device, _ := decideDevice(s, d)
			list = append(list, device)
		}
	}
	return slices.DeleteFunc(list, func(d Device) bool { return onBind(mounts, path.Dir(d.Target)) }), nil
}

func decideDevice(s *specs.Spec, from specs.LinuxDevice) (Device, error) {
	kind, known := deviceTypes[from.Type]
	if !known {
		return Device{}, fmt.Errorf("unknown device type %q", from.Type)
	}
	d := Device{Path: from.Path, Target: path.Clean("/" + from.Path), uid: from.UID, gid: from.GID}
	if d.Target == "/" {
		return Device{}, fmt.Errorf("the path has no name")
	}
	d.mode = kind | 0o666
	if from.FileMode != nil { // a number of mknod(2), not Go's: it may repeat the type
		d.mode = kind | uint32(*from.FileMode)&0o7777
	}
	if kind != unix.S_IFIFO {
		d.major, d.minor = uint32(from.Major), uint32(from.Minor)
		d.Bound = hasNamespace(s, specs.UserNamespace)
	}
	return d, nil
}

var deviceTypes = map[string]uint32{"c": unix.S_IFCHR, "u": unix.S_IFCHR, "b": unix.S_IFBLK, "p": unix.S_IFIFO}

func hasNamespace(s *specs.Spec, t specs.LinuxNamespaceType) bool {
	return s.Linux != nil && slices.ContainsFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool {
		return n.Type == t
	})
}

func (d *Device) number() uint64 { return unix.Mkdev(d.major, d.minor) }

// Node is what mknod(2) and chown(2) take for the device outside of the user namespace.
func (d *Device) Node(l *specs.Linux) (mode uint32, number uint64, uid, gid int) {
	return d.mode, d.number(), int(HostID(l.UIDMappings, d.uid)), int(HostID(l.GIDMappings, d.gid))
}

// device is a device being made; node is the received one, if it is bound.
type device struct {
	Device
	node nsenter.Cell
}

// makeDevices makes all devices, and the links in /dev unless that is the host's.
func (c *compiler) makeDevices() error {
	open := "" // the directory that $target is
	for _, d := range c.devices {
		switch {
		case d.Bound:
			c.leaveDirectory(&open)
			c.bindDevice(d)
		case c.ofHost(&d.Device):
			c.leaveDirectory(&open)
			c.openNode(&d.Device, c.tree)
			d.node = c.tree
			c.bindDevice(d)
		default:
			c.makeDevice(d.Device, &open)
		}
	}
	if onBind(c.in.Mounts, "/dev") {
		c.leaveDirectory(&open)
		return nil
	}
	c.Label("making the links in /dev")
	c.enterDirectory("/dev", &open)
	for _, link := range defaultLinks {
		c.Symlinkat(link[0], nsenter.Value(c.target), link[1]).Ignore(unix.EEXIST)
	}
	c.leaveDirectory(&open)
	return nil
}

// enterDirectory makes $target the directory dir, unless it is that.
func (c *compiler) enterDirectory(dir string, open *string) {
	if dir != *open {
		c.leaveDirectory(open)
		c.ensureDirectory(dir, 0, c.target)
		*open = dir
	}
}

func (c *compiler) leaveDirectory(open *string) {
	if *open != "" {
		c.close(c.target)
		*open = ""
	}
}

func (c *compiler) makeDevice(d Device, open *string) {
	name := path.Base(d.Target)
	c.about(d.Property, "making the device "+d.Path)
	c.enterDirectory(path.Dir(d.Target), open)
	exists, done := c.Target(), c.Target()
	c.Mknodat(nsenter.Value(c.target), name, d.mode, d.number()).JumpOn(unix.EEXIST, exists)
	if d.uid != nil || d.gid != nil {
		c.Fchownat(nsenter.Value(c.target), name, idOrKeep(d.uid), idOrKeep(d.gid), unix.AT_SYMLINK_NOFOLLOW)
	}
	c.Goto(done)
	c.Place(exists)
	c.about(d.Property, "checking that the existing "+d.Path+" is the device that the config describes")
	c.Statx(nsenter.Value(c.target), name, c.stat)
	c.ExpectType(c.stat, d.mode&unix.S_IFMT, unix.EEXIST)
	if d.mode&unix.S_IFMT != unix.S_IFIFO {
		c.ExpectDevice(c.stat, d.major, d.minor, unix.EEXIST)
	}
	c.Place(done)
}

func idOrKeep(id *uint32) int {
	if id == nil {
		return -1
	}
	return int(*id)
}

// ofHost reports whether the node of a device has to be the host's own, since the caller cannot
// make any.
func (c *compiler) ofHost(d *Device) bool {
	return c.in.Host.Lacks.Nodes && d.mode&unix.S_IFMT != unix.S_IFIFO
}

// openNode clones the host's node of a device, which is to be the one that the config
// describes; its mode and its owner are the host's.
func (c *compiler) openNode(d *Device, into nsenter.Cell) {
	c.about(d.Property, "binding the host's "+d.Target+", because this user can make no device nodes")
	c.Kind(KindHostNode)
	c.OpenTree(nsenter.CWD, d.Target, unix.OPEN_TREE_CLONE).Into(into)
	c.Statx(nsenter.Value(into), "", c.stat)
	c.ExpectType(c.stat, d.mode&unix.S_IFMT, unix.ENODEV)
	c.ExpectDevice(c.stat, d.major, d.minor, unix.ENODEV)
}

// bindDevice attaches the received node of a device.
func (c *compiler) bindDevice(d device) {
	m := c.cover(d.Target)
	m.tree = d.node
	c.about(d.Property, "binding the device "+d.Path)
	c.Kind(KindBind)
	c.ensureFile(m.Target, m.target)
	c.setPropagation(m.tree, 0, unix.MS_PRIVATE)
	c.attach(m)
}
