package userns

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// initial is what /proc/self/ns/user is a link to in the initial user namespace:
// PROC_USER_INIT_INO of include/linux/proc_ns.h, USER_NS_INIT_INO of include/uapi/linux/nsfs.h.
const initial = "user:[4026531837]"

// Initial reports whether this process is in the initial user namespace, where capabilities
// are about the machine. Rootless podman and containers with users of their own are not,
// though their user is 0. Without a procfs, or user namespaces in the kernel, it is.
func Initial() bool {
	var link [64]byte
	n, err := unix.Readlink("/proc/self/ns/user", link[:])
	return err != nil || string(link[:n]) == initial
}

// IsHostRoot reports whether this process's user is root, and of the machine.
func IsHostRoot() bool { return os.Geteuid() == 0 && Initial() }

// DeniesGroups reports whether setgroups(2) is denied in a process's user namespace, and so
// in all that are made in it. process is a pid, or self.
func DeniesGroups(process string) bool {
	text, err := kernel.ReadFile(unix.AT_FDCWD, "/proc/"+process+"/setgroups", 16)
	return err == nil && string(text) == "deny\n"
}
