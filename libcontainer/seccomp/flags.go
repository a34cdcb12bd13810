package seccomp

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// flagTSYNC was in the specification up to 1.0.2 and is still in profiles.
const flagTSYNC specs.LinuxSeccompFlag = "SECCOMP_FILTER_FLAG_TSYNC"

// flags are the known flags, sorted. value is what seccomp(2) is given: TSYNC
// has nothing to do for an init with one thread. probe is what shows whether the kernel knows
// the flag: WAIT_KILLABLE_RECV only beside NEW_LISTENER.
var flags = [...]struct {
	name         specs.LinuxSeccompFlag
	value, probe uint
}{
	{specs.LinuxSeccompFlagLog, unix.SECCOMP_FILTER_FLAG_LOG, unix.SECCOMP_FILTER_FLAG_LOG},
	{specs.LinuxSeccompFlagSpecAllow, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{flagTSYNC, 0, unix.SECCOMP_FILTER_FLAG_TSYNC},
	{specs.LinuxSeccompFlagWaitKillableRecv, unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV | unix.SECCOMP_FILTER_FLAG_NEW_LISTENER},
}

// KnownFlags returns the flags that Compile accepts, sorted.
func KnownFlags() []string {
	out := make([]string, len(flags))
	for i, f := range flags {
		out[i] = string(f.name)
	}
	return out
}

// SupportedFlags returns those of KnownFlags that the running kernel knows. It
// loads nothing: seccomp(2) looks at the flags before the filter, and a filter
// at address 0 is EFAULT.
func SupportedFlags() []string {
	var out []string
	for _, f := range flags {
		_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(f.probe), 0)
		if errno == unix.EFAULT {
			out = append(out, string(f.name))
		}
	}
	return out
}

// withListener returns the flags that a program is loaded with: it has a listener if it asks an agent about any
// call, and WAIT_KILLABLE_RECV is about that, without which the kernel refuses it (EINVAL).
func withListener(flags uint, code []unix.SockFilter) uint {
	if slices.ContainsFunc(code, func(in unix.SockFilter) bool {
		return in.Code == unix.BPF_RET|unix.BPF_K && in.K&unix.SECCOMP_RET_ACTION_FULL == unix.SECCOMP_RET_USER_NOTIF
	}) {
		return flags | unix.SECCOMP_FILTER_FLAG_NEW_LISTENER
	}
	return flags &^ unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
}

// parseFlags returns SECCOMP_FILTER_FLAG_*. A profile without the property gets
// SPEC_ALLOW, as in runc and crun, because the mitigation that it switches off
// slows everything down; an empty list means no flag at all.
func parseFlags(list []specs.LinuxSeccompFlag) (uint, error) {
	if list == nil {
		return unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, nil
	}
	var out uint
next:
	for i, name := range list {
		for _, f := range flags {
			if f.name == name {
				out |= f.value
				continue next
			}
		}
		return 0, fmt.Errorf("flags[%d]: unknown flag %q", i, name)
	}
	return out, nil
}
