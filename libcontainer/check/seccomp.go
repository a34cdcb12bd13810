package check

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// The actions of seccomp(2) that a config can name.
var seccompActions = [...]string{"kill_process", "kill_thread", "trap", "errno", "user_notif", "trace", "log", "allow"}

func (m *Machine) seccomp() []Finding {
	const name = "filters"
	p := attempt(name)
	p.SeccompActionAvail(unix.SECCOMP_RET_KILL_PROCESS)
	if err := m.Try(p); err != nil {
		return []Finding{no(name, err.Error(), "configs with linux.seccomp cannot be run: use a kernel with CONFIG_SECCOMP_FILTER")}
	}
	actions, _ := m.read("/proc/sys/kernel/seccomp/actions_avail")
	list := []Finding{ok(name, "actions "+actions)}
	for _, a := range seccompActions {
		if !slices.Contains(strings.Fields(actions), a) {
			list = append(list, no(a, "the kernel has no such action", "use a newer kernel for configs that name it"))
		}
	}
	return list
}
