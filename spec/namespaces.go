package spec

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A Namespace is a type of namespace under all its names: namespaces(7).
type Namespace struct {
	Type specs.LinuxNamespaceType // in config.json: "network"
	File string                   // in /proc/PID/ns, and of the sysctl user.max_FILE_namespaces: "net"
	Flag uint64                   // CLONE_NEWNET
}

// namespaceTypes are sorted by their names in config.json, as features prints them.
var namespaceTypes = [...]Namespace{
	{specs.CgroupNamespace, "cgroup", unix.CLONE_NEWCGROUP},
	{specs.IPCNamespace, "ipc", unix.CLONE_NEWIPC},
	{specs.MountNamespace, "mnt", unix.CLONE_NEWNS},
	{specs.NetworkNamespace, "net", unix.CLONE_NEWNET},
	{specs.PIDNamespace, "pid", unix.CLONE_NEWPID},
	{specs.TimeNamespace, "time", unix.CLONE_NEWTIME},
	{specs.UserNamespace, "user", unix.CLONE_NEWUSER},
	{specs.UTSNamespace, "uts", unix.CLONE_NEWUTS},
}

// Namespaces returns all types.
func Namespaces() []Namespace { return slices.Clone(namespaceTypes[:]) }

// NamespaceByType returns the type of that name in config.json: the zero one if there is none.
func NamespaceByType(t specs.LinuxNamespaceType) Namespace {
	return findNamespace(func(n Namespace) bool { return n.Type == t })
}

// NamespaceByFlag returns the type of a CLONE_NEW* flag: the zero one if there is none.
func NamespaceByFlag(flag uint64) Namespace {
	return findNamespace(func(n Namespace) bool { return n.Flag == flag })
}

func findNamespace(is func(Namespace) bool) Namespace {
	if i := slices.IndexFunc(namespaceTypes[:], is); i >= 0 {
		return namespaceTypes[i]
	}
	return Namespace{}
}

func namespaceNames() []specs.LinuxNamespaceType {
	return collect(namespaceTypes[:], func(n Namespace) specs.LinuxNamespaceType { return n.Type })
}
