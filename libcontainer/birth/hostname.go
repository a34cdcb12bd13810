package birth

func (c *compiler) hostname() error {
	if name := c.in.Spec.Hostname; name != "" {
		c.Label("setting the hostname")
		c.Sethostname(name)
	}
	if name := c.in.Spec.Domainname; name != "" {
		c.Label("setting the domainname")
		c.Setdomainname(name)
	}
	return nil
}
