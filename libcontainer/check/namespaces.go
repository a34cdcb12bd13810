package check

import (
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/spec"
)

// namespaces makes one of each type. Configs of the usual engines ask for those
// that are needed.
func (m *Machine) namespaces() []Finding {
	var list []Finding
	for _, ns := range [...]struct {
		kind   specs.LinuxNamespaceType
		option string // of the kernel's build
		needed bool
	}{
		{specs.MountNamespace, "", true},
		{specs.PIDNamespace, "CONFIG_PID_NS", true},
		{specs.NetworkNamespace, "CONFIG_NET_NS", true},
		{specs.IPCNamespace, "CONFIG_IPC_NS", true},
		{specs.UTSNamespace, "CONFIG_UTS_NS", true},
		{specs.UserNamespace, "CONFIG_USER_NS", false},
		{specs.CgroupNamespace, "CONFIG_CGROUPS", false},
		{specs.TimeNamespace, "CONFIG_TIME_NS", false},
	} {
		name, n := string(ns.kind), spec.NamespaceByType(ns.kind)
		missing := no
		if ns.needed {
			missing = fail
		}
		if !m.exists("/proc/self/ns/" + n.File) {
			list = append(list, missing(name, "the kernel has none", "use a kernel with "+ns.option))
			continue
		}
		p := attempt("making a " + name + " namespace")
		p.Unshare(n.Flag)
		if err := m.Try(p); err != nil {
			list = append(list, missing(name, err.Error(), namespaceAdvice(err, n)))
			continue
		}
		list = append(list, ok(name, "one was made"))
	}
	return list
}

func namespaceAdvice(err error, n spec.Namespace) string {
	switch {
	case errors.Is(err, unix.ENOSPC):
		return "raise sysctl user.max_" + n.File + "_namespaces"
	case errors.Is(err, unix.EPERM) && n.Type == specs.UserNamespace:
		return "switch them on (see rootless below), or change the security policy that forbids them"
	case errors.Is(err, unix.EPERM):
		return "namespaces need CAP_SYS_ADMIN, and no seccomp filter that forbids unshare(2): run rung as root, " +
			"outside of unprivileged containers"
	}
	return "a security policy may forbid them"
}
