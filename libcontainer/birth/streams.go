package birth

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// StreamUse is what becomes of a standard stream of the caller.
type StreamUse uint8

const (
	StreamKept  StreamUse = iota // it is passed on as it is
	StreamGiven                  // it becomes the user's, who could not open /dev/stdout otherwise
	StreamNull                   // it is the host's /dev/null: the container's own takes its place
)

// replaceStreams puts those standard streams in place that the launcher has others for.
func (c *compiler) replaceStreams() {
	for fd, replaced := range c.in.Host.Replaced {
		if replaced {
			c.Label("putting a pipe in the place of the caller's terminal")
			c.Dup3(nsenter.File(StreamFile(fd)), fd, 0)
		}
	}
}

// stdio gives standard streams to the user.
func (c *compiler) stdio() error {
	if _, given := c.hostUser(); !given && (c.userNS || c.proc.User.UID != 0) {
		c.giveStreams(c.proc.User.UID)
	}
	c.ownNull()
	return nil
}

// stdioOutside does so before the process is in a user namespace, where it has no
// right to what belongs to others.
func (c *compiler) stdioOutside() {
	if user, ok := c.hostUser(); ok {
		c.giveStreams(user)
	}
}

// hostUser is the user outside of the user namespace, if there is one whose maps
// are known.
func (c *compiler) hostUser() (uint32, bool) {
	if !c.userNS {
		return 0, false
	}
	return mapped(c.users, c.proc.User.UID)
}

func (c *compiler) giveStreams(user uint32) {
	if c.proc.Terminal {
		return
	}
	c.Label("giving the standard streams to the user")
	for fd, use := range c.in.Host.Streams {
		if use == StreamGiven {
			c.Fchown(nsenter.Int(fd), int(user), -1).
				Ignore(unix.EPERM, unix.EINVAL, unix.EROFS, unix.EACCES)
		}
	}
}

// ownNull has the container's /dev/null take the place of the host's, whose mode and owner
// a root in the container could change by the descriptor alone. It can be read and
// written, whatever the caller opened it for. What the image has there may be any
// device: it is not opened before it is sure to be the right one.
func (c *compiler) ownNull() {
	if c.proc.Terminal || !slices.Contains(c.in.Host.Streams[:], StreamNull) {
		return
	}
	c.Label("opening the container's /dev/null, because standard streams are the host's")
	null := c.Cell("own null")
	for _, flags := range []uint64{unix.O_PATH, unix.O_RDWR | unix.O_NOCTTY} {
		if flags != unix.O_PATH {
			c.close(null)
		}
		c.resolve("/dev/null", flags, 0, null)
		c.expectNull(null)
	}
	for fd, use := range c.in.Host.Streams {
		if use == StreamNull {
			c.Dup3(nsenter.Value(null), fd, 0)
		}
	}
	c.close(null)
}

// expectNull fails unless the descriptor is of the node of /dev/null.
func (c *compiler) expectNull(fd nsenter.Cell) {
	c.Statx(nsenter.Value(fd), "", c.stat)
	c.ExpectType(c.stat, unix.S_IFCHR, unix.ENODEV)
	c.ExpectDevice(c.stat, 1, 3, unix.ENODEV)
}

// StreamFile is the name of what the launcher has for a standard stream.
func StreamFile(fd int) string { return [...]string{FileStdin, FileOutput, FileErrors}[fd] }
