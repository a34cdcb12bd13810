package birth

import "golang.org/x/sys/unix"

// session gives the process a session of its own and the signal state of a
// fresh process.
func (c *compiler) session() error {
	c.Label("starting a session of its own")
	c.Call(unix.SYS_SETSID)
	c.keyring()
	c.signals()
	return nil
}
