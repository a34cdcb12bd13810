package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

func (c *compiler) hostname() error {
	if name := c.in.Spec.Hostname; name != "" {
		c.Label("setting the hostname")
		c.Call(unix.SYS_SETHOSTNAME, c.String(name), nsenter.Int(len(name)))
	}
	if name := c.in.Spec.Domainname; name != "" {
		c.Label("setting the domainname")
		c.Call(unix.SYS_SETDOMAINNAME, c.String(name), nsenter.Int(len(name)))
	}
	return nil
}
