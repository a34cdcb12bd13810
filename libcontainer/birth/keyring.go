package birth

import (
	"golang.org/x/sys/unix"
)

// keyring joins the session keyring that all processes of the container share.
func (c *compiler) keyring() {
	if !c.in.NoNewKeyring {
		// without keyrings in the kernel, or over the quota, others go on too
		c.JoinSessionKeyring("_ses."+c.in.Host.ID).
			Ignore(unix.ENOSYS, unix.EDQUOT, unix.EPERM, unix.EACCES)
	}
}
