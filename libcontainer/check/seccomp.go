package check

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/spec"
)

func (m *Machine) seccomp() []Finding {
	const name = "filters"
	p := attempt(name)
	p.SeccompActionAvail(unix.SECCOMP_RET_KILL_PROCESS)
	if err := m.Try(p); err != nil {
		return []Finding{no(name, err.Error(),
			"configs with linux.seccomp cannot be run: use a kernel with CONFIG_SECCOMP_FILTER")}
	}
	actions, _ := m.read("/proc/sys/kernel/seccomp/actions_avail")
	list := []Finding{ok(name, "actions "+actions)}
	for _, a := range spec.SeccompActions() {
		// another name of kill_thread
		if a.Name != specs.ActKill && !slices.Contains(strings.Fields(actions), a.Kernel) {
			list = append(list, no(a.Kernel, "the kernel has no such action",
				"use a newer kernel for configs that name it"))
		}
	}
	return list
}
