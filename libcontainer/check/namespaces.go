package check

import (
	"errors"

	"golang.org/x/sys/unix"
)

// namespaces makes one of each type. Configs of the usual engines ask for those
// that are needed.
func (m *Machine) namespaces() []Finding {
	var list []Finding
	for _, ns := range [...]struct {
		name, file, option string
		flag               int
		needed             bool
	}{
		{"mount", "mnt", "", unix.CLONE_NEWNS, true},
		{"pid", "pid", "CONFIG_PID_NS", unix.CLONE_NEWPID, true},
		{"network", "net", "CONFIG_NET_NS", unix.CLONE_NEWNET, true},
		{"ipc", "ipc", "CONFIG_IPC_NS", unix.CLONE_NEWIPC, true},
		{"uts", "uts", "CONFIG_UTS_NS", unix.CLONE_NEWUTS, true},
		{"user", "user", "CONFIG_USER_NS", unix.CLONE_NEWUSER, false},
		{"cgroup", "cgroup", "CONFIG_CGROUPS", unix.CLONE_NEWCGROUP, false},
		{"time", "time", "CONFIG_TIME_NS", unix.CLONE_NEWTIME, false},
	} {
		missing := no
		if ns.needed {
			missing = fail
		}
		if !m.exists("/proc/self/ns/" + ns.file) {
			list = append(list, missing(ns.name, "the kernel has none", "use a kernel with "+ns.option))
			continue
		}
		p := attempt("making a " + ns.name + " namespace")
		p.Unshare(uint64(ns.flag))
		if err := m.Try(p); err != nil {
			list = append(list, missing(ns.name, err.Error(), namespaceAdvice(err, ns.name, ns.file)))
			continue
		}
		list = append(list, ok(ns.name, "one was made"))
	}
	return list
}

func namespaceAdvice(err error, name, file string) string {
	switch {
	case errors.Is(err, unix.ENOSPC):
		return "raise sysctl user.max_" + file + "_namespaces"
	case errors.Is(err, unix.EPERM) && name == "user":
		return "switch them on (see rootless below), or change the security policy that forbids them"
	case errors.Is(err, unix.EPERM):
		return "namespaces need CAP_SYS_ADMIN, and no seccomp filter that forbids unshare(2): run rung as root, outside of unprivileged containers"
	}
	return "a security policy may forbid them"
}
