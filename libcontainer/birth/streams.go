package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
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

// stdio gives pipes and files that are standard streams to the user, who could
// not open /dev/stdout otherwise. Devices of the host keep their owner.
func (c *compiler) stdio() error {
	if _, given := c.hostUser(); !given && (c.userNS || c.proc.User.UID != 0) {
		c.giveStreams(c.proc.User.UID, c.in.Host.OwnStreams)
	}
	return nil
}

// stdioOutside does so before the process is in a user namespace, where it has no
// right to what belongs to others. Files that are only to be read are not given
// to those who are kept from the host's.
func (c *compiler) stdioOutside() {
	streams := c.in.Host.OwnStreams
	for fd, input := range c.in.Host.InputFiles {
		streams[fd] = streams[fd] && !input
	}
	if user, ok := c.hostUser(); ok {
		c.giveStreams(user, streams)
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

func (c *compiler) giveStreams(user uint32, streams [3]bool) {
	if c.proc.Terminal {
		return
	}
	c.Label("giving the standard streams to the user")
	for fd, owned := range streams {
		if owned {
			c.Fchown(nsenter.Int(fd), int(user), -1).
				Ignore(unix.EPERM, unix.EINVAL, unix.EROFS, unix.EACCES)
		}
	}
}

// StreamFile is the name of what the launcher has for a standard stream.
func StreamFile(fd int) string { return [...]string{FileStdin, FileOutput, FileErrors}[fd] }
