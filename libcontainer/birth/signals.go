package birth

// signals undoes what the process inherited.
func (c *compiler) signals() {
	c.Label("resetting the signals")
	for _, sig := range c.in.Host.IgnoredSignals {
		c.ResetSignal(sig)
	}
	c.UnblockSignals()
}
