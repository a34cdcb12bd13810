package spec

import (
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// SysctlPath returns the path below /proc/sys of a kernel parameter, whose name
// is written as sysctl(8) allows: the first dot or slash is the separator of
// the whole name, and the other of the two then stands for a dot within
// a part. So net.ipv4.conf.eth0/1.forwarding and net/ipv4/conf/eth0.1/forwarding
// are the same. The path has no empty parts and none that is . or .. .
func SysctlPath(name string) (string, error) {
	path := name
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '.' {
		path = strings.Map(func(c rune) rune {
			switch c {
			case '.':
				return '/'
			case '/':
				return '.'
			}
			return c
		}, name)
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return "", fmt.Errorf("%q is not the name of a kernel parameter", name)
		}
	}
	if strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return "", fmt.Errorf("%q is not the name of a kernel parameter", name)
	}
	return path, nil
}

// SysctlNamespace returns the type of the namespace that the kernel parameter
// belongs to, or "" if it belongs to the whole machine. See namespaces(7), and
// the kernel's ipc/ipc_sysctl.c, ipc/mq_sysctl.c, kernel/utsname_sysctl.c and
// kernel/ucount.c.
func SysctlNamespace(path string) specs.LinuxNamespaceType {
	directory, _, _ := strings.Cut(path, "/")
	switch {
	case directory == "net":
		return specs.NetworkNamespace
	case directory == "user":
		return specs.UserNamespace
	case strings.HasPrefix(path, "fs/mqueue/"):
		return specs.IPCNamespace
	}
	switch path {
	case "kernel/auto_msgmni", "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni",
		"kernel/msg_next_id", "kernel/sem", "kernel/sem_next_id", "kernel/shmall",
		"kernel/shmmax", "kernel/shmmni", "kernel/shm_next_id", "kernel/shm_rmid_forced":
		return specs.IPCNamespace
	case "kernel/domainname", "kernel/hostname":
		return specs.UTSNamespace
	}
	return ""
}
