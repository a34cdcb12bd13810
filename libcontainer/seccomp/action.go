package seccomp

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/spec"
)

// badArch is the verdict on a call through an ABI that the profile does not
// list: libseccomp's default for SCMP_FLTATR_ACT_BADARCH, which is
// SCMP_ACT_KILL, the thread.
const badArch = unix.SECCOMP_RET_KILL_THREAD

// Actions returns the actions that Compile accepts, sorted.
func Actions() (names []string) {
	for _, a := range spec.SeccompActions() {
		names = append(names, string(a.Name))
	}
	return names
}

// parseAction returns the value for BPF_RET. The errno of SCMP_ACT_ERRNO and
// the message of SCMP_ACT_TRACE are EPERM unless errnoRet is given; other
// actions have none (config-linux.md, "errnoRet").
func parseAction(name specs.LinuxSeccompAction, errnoRet *uint) (uint32, error) {
	a, ok := spec.SeccompActionByName(name)
	switch {
	case !ok:
		return 0, fmt.Errorf("unknown action %q", name)
	case a.Most == 0 && errnoRet != nil:
		return 0, fmt.Errorf("%s takes no errno", name)
	case a.Most == 0:
		return a.Return, nil
	case errnoRet == nil:
		return a.Return | uint32(unix.EPERM), nil
	case *errnoRet > a.Most:
		return 0, fmt.Errorf("errno %d of %s is greater than %d", *errnoRet, name, a.Most)
	}
	return a.Return | uint32(*errnoRet), nil
}

// permits reports whether an action lets the call happen. A tracer and the agent that is notified
// decide for themselves.
func permits(ret uint32) bool {
	switch ret & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_LOG, unix.SECCOMP_RET_TRACE, unix.SECCOMP_RET_USER_NOTIF:
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
