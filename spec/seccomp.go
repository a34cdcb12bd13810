package spec

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A SeccompAction is what becomes of a system call: config-linux.md and seccomp(2).
type SeccompAction struct {
	Name   specs.LinuxSeccompAction
	Kernel string // its name in /proc/sys/kernel/seccomp/actions_avail
	Return uint32 // SECCOMP_RET_*
	Most   uint   // the greatest errnoRet; 0: it returns no number
}

// maxErrno is the kernel's MAX_ERRNO (include/linux/err.h): a greater
// SECCOMP_RET_ERRNO would silently become this.
const maxErrno = 4095

// seccompActions are sorted by their names in config.json, as features prints them.
var seccompActions = [...]SeccompAction{
	{specs.ActAllow, "allow", unix.SECCOMP_RET_ALLOW, 0},
	{specs.ActErrno, "errno", unix.SECCOMP_RET_ERRNO, maxErrno},
	{specs.ActKill, "kill_thread", unix.SECCOMP_RET_KILL_THREAD, 0},
	{specs.ActKillProcess, "kill_process", unix.SECCOMP_RET_KILL_PROCESS, 0},
	{specs.ActKillThread, "kill_thread", unix.SECCOMP_RET_KILL_THREAD, 0},
	{specs.ActLog, "log", unix.SECCOMP_RET_LOG, 0},
	{specs.ActNotify, "user_notif", unix.SECCOMP_RET_USER_NOTIF, 0},
	{specs.ActTrace, "trace", unix.SECCOMP_RET_TRACE, unix.SECCOMP_RET_DATA},
	{specs.ActTrap, "trap", unix.SECCOMP_RET_TRAP, 0},
}

// SeccompActions returns all actions that a config can name.
func SeccompActions() []SeccompAction { return slices.Clone(seccompActions[:]) }

// SeccompActionByName returns the action of that name in config.json.
func SeccompActionByName(name specs.LinuxSeccompAction) (a SeccompAction, ok bool) {
	i := slices.IndexFunc(seccompActions[:], func(a SeccompAction) bool { return a.Name == name })
	if i < 0 {
		return a, false
	}
	return seccompActions[i], true
}

func seccompActionNames() []specs.LinuxSeccompAction {
	return collect(seccompActions[:], func(a SeccompAction) specs.LinuxSeccompAction { return a.Name })
}

var seccompArchs = [...]specs.Arch{
	specs.ArchAARCH64, specs.ArchARM, specs.ArchLOONGARCH64, specs.ArchM68K, specs.ArchMIPS,
	specs.ArchMIPS64, specs.ArchMIPS64N32, specs.ArchMIPSEL, specs.ArchMIPSEL64,
	specs.ArchMIPSEL64N32, specs.ArchPARISC, specs.ArchPARISC64, specs.ArchPPC,
	specs.ArchPPC64, specs.ArchPPC64LE, specs.ArchRISCV64, specs.ArchS390, specs.ArchS390X,
	specs.ArchSH, specs.ArchSHEB, specs.ArchX32, specs.ArchX86, specs.ArchX86_64,
}

// SeccompArchs returns the architectures that a profile may name, sorted; most of them
// are those of other machines.
func SeccompArchs() []specs.Arch { return slices.Clone(seccompArchs[:]) }
