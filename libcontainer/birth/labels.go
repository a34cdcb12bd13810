package birth

// labels sets what the LSMs will do at execve.
func (c *compiler) labels() error {
	if profile := c.proc.ApparmorProfile; profile != "" {
		if !c.in.Host.AppArmor {
			c.warn("process.apparmorProfile: this kernel has no AppArmor; %q is not applied", profile)
		} else {
			c.about("process.apparmorProfile", "setting the AppArmor profile "+profile)
			c.writeProcfs("self/attr/apparmor/exec", "exec "+profile, 0)
		}
	}
	if label := c.proc.SelinuxLabel; label != "" {
		if !c.in.Host.SELinux {
			c.warn("process.selinuxLabel: this kernel has no SELinux; %q is not applied", label)
		} else {
			c.about("process.selinuxLabel", "setting the SELinux label "+label)
			c.writeProcfs("self/attr/exec", label, 0)
		}
	}
	if label := c.hasLinux.MountLabel; label != "" && !c.in.Host.SELinux {
		c.warn("linux.mountLabel: this kernel has no SELinux; %q is not applied", label)
	}
	if c.needsProcfs() {
		c.close(c.procfs)
	}
	return nil
}
