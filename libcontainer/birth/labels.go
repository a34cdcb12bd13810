package birth

import "fmt"

// labels sets what the LSMs will do at execve.
func (c *compiler) labels() error {
	for _, l := range [...]struct {
		property, label, module string
		enabled                 bool
	}{
		{"process.apparmorProfile", c.proc.ApparmorProfile, "AppArmor", c.in.Host.AppArmor},
		{"process.selinuxLabel", c.proc.SelinuxLabel, "SELinux", c.in.Host.SELinux},
		{"linux.mountLabel", c.hasLinux.MountLabel, "SELinux", c.in.Host.SELinux},
	} {
		if l.label != "" && !l.enabled {
			if err := c.leaveOut(l.property, l.module, l.label); err != nil {
				return err
			}
		}
	}
	if profile := c.proc.ApparmorProfile; profile != "" && c.in.Host.AppArmor {
		c.about("process.apparmorProfile", "setting the AppArmor profile "+profile)
		c.writeProcfs("self/attr/apparmor/exec", "exec "+profile, 0)
	}
	if label := c.proc.SelinuxLabel; label != "" && c.in.Host.SELinux {
		c.about("process.selinuxLabel", "setting the SELinux label "+label)
		c.writeProcfs("self/attr/exec", label, 0)
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
