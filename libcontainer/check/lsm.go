package check

import (
	"fmt"
	"strings"
)

// securityModules tells which of those that a config can name are there.
func (m *Machine) securityModules() []Finding {
	var list []Finding
	if enabled, _ := m.read("/sys/module/apparmor/parameters/enabled"); strings.HasPrefix(enabled, "Y") {
		list = append(list, ok("AppArmor", "enabled"))
	} else {
		list = append(list, no("AppArmor", "not enabled",
			"process.apparmorProfile has no effect; boot with apparmor=1 and lsm=…,apparmor"))
	}
	switch enforce, is := m.read("/sys/fs/selinux/enforce"); {
	case !is:
		list = append(list, no("SELinux", "not enabled",
			"process.selinuxLabel and linux.mountLabel have no effect; boot with selinux=1 and lsm=…,selinux"))
	case enforce == "0":
		list = append(list, ok("SELinux", "permissive"))
	default:
		list = append(list, ok("SELinux", "enforcing"))
	}
	if version, err := m.Landlock(); err == nil {
		list = append(list, ok("Landlock", fmt.Sprintf("version %d, for programs in containers", version)))
	} else {
		list = append(list, no("Landlock", err.Error(),
			"programs in containers cannot restrict themselves by it; boot with lsm=landlock,…"))
	}
	return list
}
