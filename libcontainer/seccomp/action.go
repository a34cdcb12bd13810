package seccomp

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// badArch is the verdict on a call through an ABI that the profile does not
// list: libseccomp's default for SCMP_FLTATR_ACT_BADARCH, which is
// SCMP_ACT_KILL, the thread.
const badArch = unix.SECCOMP_RET_KILL_THREAD

// maxErrno is the kernel's MAX_ERRNO (include/linux/err.h): a greater
// SECCOMP_RET_ERRNO would silently become this.
const maxErrno = 4095

// actions are the known actions, sorted; max is the greatest errnoRet.
var actions = [...]struct {
	name specs.LinuxSeccompAction
	ret  uint32
	max  uint
}{
	{specs.ActAllow, unix.SECCOMP_RET_ALLOW, 0},
	{specs.ActErrno, unix.SECCOMP_RET_ERRNO, maxErrno},
	{specs.ActKill, unix.SECCOMP_RET_KILL_THREAD, 0},
	{specs.ActKillProcess, unix.SECCOMP_RET_KILL_PROCESS, 0},
	{specs.ActKillThread, unix.SECCOMP_RET_KILL_THREAD, 0},
	{specs.ActLog, unix.SECCOMP_RET_LOG, 0},
	{specs.ActTrace, unix.SECCOMP_RET_TRACE, unix.SECCOMP_RET_DATA},
	{specs.ActTrap, unix.SECCOMP_RET_TRAP, 0},
}

// Actions returns the actions that Compile accepts, sorted. SCMP_ACT_NOTIFY is
// not among them.
func Actions() []string {
	out := make([]string, len(actions))
	for i, a := range actions {
		out[i] = string(a.name)
	}
	return out
}

// parseAction returns the value for BPF_RET. The errno of SCMP_ACT_ERRNO and
// the message of SCMP_ACT_TRACE are EPERM unless errnoRet is given; other
// actions have none (config-linux.md, "errnoRet").
func parseAction(name specs.LinuxSeccompAction, errnoRet *uint) (uint32, error) {
	if name == specs.ActNotify {
		return 0, fmt.Errorf("seccomp notify is not supported yet (%s)", name)
	}
	for _, a := range actions {
		if a.name != name {
			continue
		}
		switch {
		case a.max == 0 && errnoRet != nil:
			return 0, fmt.Errorf("%s takes no errno", name)
		case a.max == 0:
			return a.ret, nil
		case errnoRet == nil:
			return a.ret | uint32(unix.EPERM), nil
		case *errnoRet > a.max:
			return 0, fmt.Errorf("errno %d of %s is greater than %d", *errnoRet, name, a.max)
		}
		return a.ret | uint32(*errnoRet), nil
	}
	return 0, fmt.Errorf("unknown action %q", name)
}

// permits says whether an action lets the call happen. A tracer is one that
// decides for itself.
func permits(ret uint32) bool {
	switch ret & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_LOG, unix.SECCOMP_RET_TRACE:
		return true
	}
	return false
}

// stricter returns the action that the kernel would take of two, a when both
// have the same rank: the lesser as a signed number (seccomp_run_filters in
// kernel/seccomp.c).
func stricter(a, b uint32) uint32 {
	rank := func(ret uint32) int32 { return int32(ret & unix.SECCOMP_RET_ACTION_FULL) }
	if rank(b) < rank(a) {
		return b
	}
	return a
}
