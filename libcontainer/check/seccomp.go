package check

import (
	"encoding/binary"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// The actions of seccomp(2) that a config can name.
var seccompActions = [...]string{"kill_process", "kill_thread", "trap", "errno", "user_notif", "trace", "log", "allow"}

func (m *Machine) seccomp() []Finding {
	const name = "filters"
	p := attempt(name)
	action := binary.NativeEndian.AppendUint32(nil, unix.SECCOMP_RET_KILL_PROCESS)
	p.Call(unix.SYS_SECCOMP, nsenter.Int(unix.SECCOMP_GET_ACTION_AVAIL), nsenter.Int(0), nsenter.Bytes(action))
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
