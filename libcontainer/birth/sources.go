package birth

import (
	"fmt"
	"path"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// A container with a user namespace may not open all that it is to be given: a
// bind mount's source can lie where only the caller may go, and device nodes
// cannot be made. A second program, with the caller's credentials, joins the
// container's mount namespace (a clone made in the host's would stay a peer of
// the host's mount), makes what is needed there and sends the descriptors.

// FileInit is the first process, a pidfd, in programs that join its namespaces.
// [FileSync] is the launcher's end in the sources program: what it sends arrives
// in the birth program.
const FileInit = "first process"

// source is one mount that the birth program receives.
type source struct {
	mount  int // index in config.mounts, or noMount
	path   string
	flags  int
	device *specs.LinuxDevice
	cell   nsenter.Cell
	taken  bool
}

// requestSources lists what has to come from outside of the user namespace, and
// receives it.
func (c *compiler) requestSources() error {
	if !c.userNS {
		return nil
	}
	c.listSources()
	if len(c.sources) == 0 {
		return nil
	}
	c.birth.Sources = c.sourcesProgram()
	c.Label("receiving bind sources and devices")
	c.Call(unix.SYS_WRITE, nsenter.File(FileSync), c.String(string(rune(TagSources))), nsenter.Int(1))
	for i := range c.sources {
		c.sources[i].cell = c.Cell(fmt.Sprintf("source %d", i))
		c.receiveFd(c.sources[i].cell)
	}
	c.awaitAnswer()
	return nil
}

func (c *compiler) listSources() {
	for i, m := range c.allMounts() {
		opts := spec.ParseMountOptions(m.Options)
		if IsBind(m, opts) && m.Source != "" && !opts.Remount {
			c.sources = append(c.sources, source{mount: i, path: c.bindSource(m), flags: BindFlags(m, opts)})
		}
	}
	for _, d := range c.allDevices() {
		if d.Type != "p" {
			c.sources = append(c.sources, source{mount: noMount, device: &d})
		}
	}
}

// sourceOf is the received mount of a bind mount or of a device, each once: a
// config may list a device twice.
func (c *compiler) sourceOf(mount int, device string) nsenter.Cell {
	for i := range c.sources {
		s := &c.sources[i]
		if !s.taken && s.mount == mount && (s.device == nil || s.device.Path == device) {
			s.taken = true
			return s.cell
		}
	}
	panic("a source that was not listed")
}

const (
	noMount = -1
	noCell  = nsenter.Cell(-1)
)

// cmsgLen is CMSG_LEN of one descriptor.
const cmsgLen = 20

// sourcesProgram is the second program.
func (c *compiler) sourcesProgram() *nsenter.Program {
	s := &compiler{Program: nsenter.New(), in: c.in, birth: c.birth, hasLinux: c.hasLinux}
	s.fs, s.tree, s.scratch, s.explain = s.Cell("fs"), s.Cell("mount"), s.Cell("scratch"), s.Target()
	s.Label("joining the container's mount namespace")
	s.MapReport(FileReport)
	s.Call(unix.SYS_UMASK, nsenter.Int(0))
	s.Call(unix.SYS_SETNS, nsenter.File(FileInit), nsenter.Int(unix.CLONE_NEWNS))
	dev := noCell
	for i, src := range c.sources { // devices come last: their filesystem covers the rootfs
		if src.device != nil {
			if dev == noCell {
				dev = s.makeDevices(c.sources)
			}
			s.Label("passing on the device " + src.device.Path)
			s.openTree(nsenter.Value(dev), fmt.Sprint(i), unix.OPEN_TREE_CLONE, s.tree)
		} else {
			s.Label("opening the bind source " + src.path)
			s.openTree(nsenter.Int(unix.AT_FDCWD), src.path, src.flags, s.tree)
		}
		s.sendFds('f', []nsenter.Cell{s.tree})
		s.close(s.tree)
	}
	s.Call(unix.SYS_EXIT_GROUP, nsenter.Int(0))
	_ = s.explanations()
	return s.Program
}

// makeDevices makes the nodes, named by their index, on a filesystem that
// belongs to the initial user namespace, where they count. It is attached below
// the container's root, because only what is attached can be cloned.
func (c *compiler) makeDevices(sources []source) nsenter.Cell {
	dev := c.Cell("dev")
	c.Label("making a filesystem for device nodes")
	c.newTmpfs(dev, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
	c.attachAt(dev, c.in.Host.Rootfs)
	for i, src := range sources {
		if src.device == nil {
			continue
		}
		d := src.device
		c.Label("making the device " + d.Path)
		kind, _ := deviceKind(d.Type) // checked when the birth program is compiled
		mode := uint64(0o666)
		if d.FileMode != nil {
			mode = uint64(d.FileMode.Perm())
		}
		name := c.String(fmt.Sprint(i))
		c.Call(unix.SYS_MKNODAT, nsenter.Value(dev), name, nsenter.Int(kind|mode), nsenter.Int(unix.Mkdev(uint32(d.Major), uint32(d.Minor))))
		c.Call(unix.SYS_FCHOWNAT, nsenter.Value(dev), name, nsenter.Int(HostID(c.hasLinux.UIDMappings, d.UID)),
			nsenter.Int(HostID(c.hasLinux.GIDMappings, d.GID)), nsenter.Int(unix.AT_SYMLINK_NOFOLLOW))
	}
	return dev
}

// bindDevice attaches the received node of a device.
func (c *compiler) bindDevice(d specs.LinuxDevice) error {
	c.tree = c.sourceOf(noMount, d.Path)
	c.Label("binding the device " + d.Path)
	c.Kind(KindBind)
	if err := c.ensure(path.Clean("/"+d.Path), true, 0); err != nil {
		return err
	}
	c.setAttributes(c.tree, 0, mountAttr{propagation: unix.MS_PRIVATE})
	c.attachMade()
	return nil
}
