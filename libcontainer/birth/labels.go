package birth

import "fmt"

// labels sets what the LSMs will do at execve.
func (c *compiler) labels() error {
	if profile := c.proc.ApparmorProfile; profile != "" {
		if !c.in.Host.AppArmor {
			if err := c.leaveOut("process.apparmorProfile", "AppArmor", profile); err != nil {
				return err
			}
		} else {
			c.about("process.apparmorProfile", "setting the AppArmor profile "+profile)
			c.writeProcfs("self/attr/apparmor/exec", "exec "+profile, 0)
		}
	}
	if label := c.proc.SelinuxLabel; label != "" {
		if !c.in.Host.SELinux {
			if err := c.leaveOut("process.selinuxLabel", "SELinux", label); err != nil {
				return err
			}
		} else {
			c.about("process.selinuxLabel", "setting the SELinux label "+label)
			c.writeProcfs("self/attr/exec", label, 0)
		}
	}
	if label := c.hasLinux.MountLabel; label != "" && !c.in.Host.SELinux {
		if err := c.leaveOut("linux.mountLabel", "SELinux", label); err != nil {
			return err
		}
	}
	if c.needsProcfs() {
		c.close(c.procfs)
	}
	return nil
}

// leaveOut warns that a label cannot be applied, or refuses it.
func (c *compiler) leaveOut(property, module, label string) error {
	if c.in.Strict {
		return fmt.Errorf("%s: this kernel has no %s (--strict)", property, module)
	}
	c.warn("%s: this kernel has no %s; %q is not applied", property, module, label)
	return nil
}
