package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// terminal opens a pseudo-terminal in the container's own devpts, hands its
// master to the launcher, and makes the slave the process's terminal. The slave
// comes from the master itself (TIOCGPTPEER), not from a path (CVE-2025-52565).
func (c *compiler) terminal() error {
	if !c.proc.Terminal {
		return nil
	}
	master, slave := c.openTerminal()
	if c.mountNS {
		c.about("process.terminal", "binding the terminal to /dev/console")
		c.Kind(KindBind)
		m := c.cover("/dev/console")
		skip := c.Target()
		if onBind(c.in.Mounts, "/dev") { // nothing is made in a directory of the host's
			c.resolve(m.Target, unix.O_PATH, 0, m.target).JumpOn(unix.ENOENT, skip)
		} else {
			c.ensureFile(m.Target, m.target)
		}
		c.OpenTree(nsenter.Value(slave), "", unix.OPEN_TREE_CLONE).Into(m.tree)
		c.setPropagation(m.tree, 0, unix.MS_PRIVATE)
		c.attach(m)
		c.Place(skip)
	}
	c.handOver(master)
	c.useTerminal(slave)
	if !c.late { // or its child does
		c.controlTerminal()
	}
	c.close(slave)
	return nil
}

func (c *compiler) openTerminal() (master, slave nsenter.Cell) {
	const devptsMagic, tiocgptpeer = 0x1cd1, 0x5441
	master, slave = c.Cell("master"), c.Cell("slave")
	c.about("process.terminal", "opening a terminal in the container's /dev/pts")
	// What the image, or a running container, has there may be any device. So nothing is
	// opened before it is sure to be devpts, which has only ptmx and terminals.
	devpts := c.Cell("devpts")
	c.resolve("/dev/pts", unix.O_PATH|unix.O_DIRECTORY, unix.RESOLVE_NO_SYMLINKS, devpts)
	c.expectFilesystem(devpts, devptsMagic)
	c.Openat2(nsenter.Value(devpts), "ptmx", unix.OpenHow{
		Flags:   unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	}).Into(master)
	c.close(devpts)
	c.Ioctl(nsenter.Value(master), unix.TIOCSPTLCK, nsenter.Bytes(make([]byte, 8))) // unlock: unlockpt(3)
	c.Ioctl(nsenter.Value(master), tiocgptpeer, nsenter.Int(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)).Into(slave)
	c.Fchown(nsenter.Value(slave), int(c.proc.User.UID), -1).Ignore(unix.EPERM, unix.EINVAL)
	return master, slave
}

// handOver gives the terminal's master to the launcher.
func (c *compiler) handOver(master nsenter.Cell) {
	c.about("process.terminal", "handing over the terminal")
	c.sync(TagTerminal, master)
	c.close(master)
}

func (c *compiler) useTerminal(slave nsenter.Cell) {
	for fd := range 3 {
		c.Dup3(nsenter.Value(slave), fd, 0)
	}
}

// controlTerminal makes standard input the terminal that controls the session.
func (c *compiler) controlTerminal() {
	c.Ioctl(nsenter.Int(0), unix.TIOCSCTTY, nsenter.Int(0))
}
