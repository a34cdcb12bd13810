// Package capabilities translates between the names and the numbers of Linux
// capabilities (capabilities(7), include/uapi/linux/capability.h) and says which
// of them the running kernel and this process have.
package capabilities

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// all are the names, at the index that is the number, five a row.
var all = [...]string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
	"CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK",
	"CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
	"CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
	"CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
	"CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
}

// Names returns the names of all capabilities, in the order of their numbers.
func Names() []string { return slices.Clone(all[:]) }

// Name returns the name of a capability, CAP_41 and so on for one that is
// newer than this package.
func Name(number uint) string {
	if number < uint(len(all)) {
		return all[number]
	}
	return fmt.Sprintf("CAP_%d", number)
}

// Parse returns the number of a capability from its name as the specification
// writes it, in capitals and with CAP_.
func Parse(name string) (number uint, ok bool) {
	i := slices.Index(all[:], name)
	return uint(max(i, 0)), i >= 0
}

// Set returns the mask for capset(2) of a list of names, bit n for number n,
// and those that are no capabilities, in their order.
func Set(names []string) (mask uint64, unknown []string) {
	for _, name := range names {
		if n, ok := Parse(name); ok {
			mask |= 1 << n
		} else {
			unknown = append(unknown, name)
		}
	}
	return mask, unknown
}

// Members returns the names of the capabilities in a mask.
func Members(mask uint64) []string {
	var out []string
	for n := uint(0); mask>>n != 0; n++ {
		if mask>>n&1 != 0 {
			out = append(out, Name(n))
		}
	}
	return out
}

// Last returns the greatest number of a capability that the kernel knows. It asks
// (PR_CAPBSET_READ) from the greatest that has a name on.
func Last() (uint, error) {
	last := uint(len(all) - 1)
	known, err := isKnown(last)
	for err == nil && !known && last > 0 {
		last--
		known, err = isKnown(last)
	}
	for known && err == nil && last < 63 {
		if known, err = isKnown(last + 1); known {
			last++
		}
	}
	return last, err
}

// isKnown reports whether the kernel knows a capability. That it does not must not be
// taken from another error: what is unknown is not dropped.
func isKnown(number uint) (bool, error) {
	_, _, errno := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_READ, uintptr(number), 0)
	if errno != 0 && errno != unix.EINVAL {
		return false, fmt.Errorf("bounding set: prctl(PR_CAPBSET_READ, %d): %w", number, errno)
	}
	return errno == 0, nil
}
