package birth

// session gives the process a session of its own and the signal state of a
// fresh process.
func (c *compiler) session() error {
	c.Label("starting a session of its own")
	c.Setsid()
	c.keyring()
	c.signals()
	return nil
}
