package birth

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/nsenter"
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

// source is a mount that comes from outside: of a bind mount or of a device.
type source struct {
	mount  *Mount
	device *Device
	cell   *nsenter.Cell // what takes its descriptor in the birth program
}

// sources lists what has to come from outside of the user namespace.
func (c *compiler) sources() (list []source) {
	for i := range c.mounts {
		if m := &c.mounts[i]; c.userNS && m.Kind == BindMount && !c.onEarlier(m) {
			list = append(list, source{mount: &m.Mount, cell: &m.tree})
		}
	}
	for i := range c.devices {
		if d := &c.devices[i]; d.Bound {
			list = append(list, source{device: &d.Device, cell: &d.node})
		}
	}
	return list
}

// onEarlier reports whether the source may lie on an earlier mount, and cannot be opened
// before that is made.
func (c *compiler) onEarlier(m *mount) bool {
	return m != &c.mounts[0] && kernel.Below(m.Source, c.in.Host.Rootfs)
}

// requestSources receives the sources, each in a cell of its own.
func (c *compiler) requestSources(list ...source) {
	if len(list) == 0 {
		return
	}
	c.birth.Sources = append(c.birth.Sources, sourcesProgram(c.in, list))
	c.Label("receiving bind sources and devices")
	c.Write(nsenter.File(FileSync), string(rune(TagSources)))
	for i, s := range list {
		*s.cell = c.Cell(fmt.Sprintf("source %d", i))
		c.receiveFd(*s.cell)
	}
	c.awaitAnswer()
}

// sourcesProgram is the second program. It sends the sources in the order of the list.
func sourcesProgram(in *Input, list []source) *nsenter.Program {
	c := newCompiler(in)
	c.Label("joining the container's mount namespace")
	c.MapReport(FileReport)
	c.Umask(0)
	joined := uint64(unix.CLONE_NEWNS)
	if in.Host.Lacks.Admin { // which it has there; it keeps the caller's user and groups
		joined |= unix.CLONE_NEWUSER
	}
	c.Setns(nsenter.File(FileInit), joined)
	dev := noCell
	for i, s := range list { // devices come last: their filesystem covers the rootfs
		switch {
		case s.device == nil:
			c.about(s.mount.Property, "opening the bind source "+s.mount.Source)
			c.OpenTree(nsenter.CWD, s.mount.Source, s.mount.cloneFlags()).Into(c.tree)
		case c.ofHost(s.device):
			c.openNode(s.device, c.tree)
		default:
			if dev == noCell {
				dev = c.makeNodes(list)
			}
			c.about(s.device.Property, "passing on the device "+s.device.Path)
			c.OpenTree(nsenter.Value(dev), strconv.Itoa(i), unix.OPEN_TREE_CLONE).Into(c.tree)
		}
		c.SendFds(nsenter.File(FileSync), TagSource, c.tree)
		c.close(c.tree)
	}
	c.ExitGroup(0)
	_ = c.explanations()
	return c.Program
}

const noCell = nsenter.Cell(-1)

// makeNodes makes the nodes of devices, named by their index, on a filesystem that
// belongs to the initial user namespace, where they count. It is attached below the
// container's root, because only what is attached can be cloned.
func (c *compiler) makeNodes(list []source) nsenter.Cell {
	dev := c.Cell("dev")
	c.Label("making a filesystem for device nodes")
	c.newTmpfs(dev, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
	c.attachAt(dev, c.in.Host.Rootfs)
	for i, s := range list {
		d := s.device
		if d == nil {
			continue
		}
		name := strconv.Itoa(i)
		c.about(d.Property, "making the device "+d.Path)
		mode, number, uid, gid := d.Node(c.hasLinux)
		c.Mknodat(nsenter.Value(dev), name, mode, number)
		c.Fchownat(nsenter.Value(dev), name, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
	}
	return dev
}
