package birth

func (c *compiler) hostname() error {
	if name := c.in.Spec.Hostname; name != "" {
		c.about("hostname", "setting the hostname")
		c.Sethostname(name)
	}
	if name := c.in.Spec.Domainname; name != "" {
		c.about("domainname", "setting the domainname")
		c.Setdomainname(name)
	}
	return nil
}
