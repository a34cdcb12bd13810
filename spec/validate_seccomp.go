package spec

import (
	"github.com/opencontainers/runtime-spec/specs-go"
)

var seccompActions = [...]specs.LinuxSeccompAction{
	specs.ActAllow, specs.ActErrno, specs.ActKill, specs.ActKillProcess, specs.ActKillThread,
	specs.ActLog, specs.ActNotify, specs.ActTrace, specs.ActTrap,
}

var seccompOperators = [...]specs.LinuxSeccompOperator{
	specs.OpEqualTo, specs.OpGreaterEqual, specs.OpGreaterThan, specs.OpLessEqual,
	specs.OpLessThan, specs.OpMaskedEqual, specs.OpNotEqual,
}

var seccompArchs = [...]specs.Arch{
	specs.ArchAARCH64, specs.ArchARM, specs.ArchLOONGARCH64, specs.ArchM68K, specs.ArchMIPS,
	specs.ArchMIPS64, specs.ArchMIPS64N32, specs.ArchMIPSEL, specs.ArchMIPSEL64,
	specs.ArchMIPSEL64N32, specs.ArchPARISC, specs.ArchPARISC64, specs.ArchPPC,
	specs.ArchPPC64, specs.ArchPPC64LE, specs.ArchRISCV64, specs.ArchS390, specs.ArchS390X,
	specs.ArchSH, specs.ArchSHEB, specs.ArchX32, specs.ArchX86, specs.ArchX86_64,
}

var seccompFlags = [...]specs.LinuxSeccompFlag{
	specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow,
	"SECCOMP_FILTER_FLAG_TSYNC", specs.LinuxSeccompFlagWaitKillableRecv,
}

func seccomp(s *specs.LinuxSeccomp) (ps Problems) {
	ps = append(ps, known("defaultAction", s.DefaultAction, seccompActions[:])...)
	ps = append(ps, errnoRet("defaultErrnoRet", s.DefaultAction, s.DefaultErrnoRet)...)
	ps = append(ps, knowns("architectures", s.Architectures, seccompArchs[:])...)
	ps = append(ps, knowns("flags", s.Flags, seccompFlags[:])...)
	ps = append(ps, noNUL("listenerPath", s.ListenerPath)...)
	notify := s.DefaultAction == specs.ActNotify
	for i := range s.Syscalls {
		ps = append(ps, syscallRule(&s.Syscalls[i]).at("syscalls", i)...)
		notify = notify || s.Syscalls[i].Action == specs.ActNotify
	}
	if s.ListenerPath == "" {
		if s.ListenerMetadata != "" {
			ps.add("listenerMetadata", "needs listenerPath")
		}
		if notify {
			ps.add("listenerPath", "is empty or missing, but %s needs it", specs.ActNotify)
		}
	}
	return ps
}

func syscallRule(s *specs.LinuxSyscall) (ps Problems) {
	if len(s.Names) == 0 {
		ps.add("names", "is empty or missing")
	}
	for i, name := range s.Names {
		if name == "" {
			ps.add(element("names", i), "is empty")
		}
	}
	ps = append(ps, known("action", s.Action, seccompActions[:])...)
	ps = append(ps, errnoRet("errnoRet", s.Action, s.ErrnoRet)...)
	if len(s.Args) > 6 {
		ps.add("args", "has %d entries, more than a system call has arguments", len(s.Args))
	}
	for i := range s.Args {
		ps = append(ps, within("index", s.Args[i].Index, 0, 5).at("args", i)...)
		ps = append(ps, known("op", s.Args[i].Op, seccompOperators[:]).at("args", i)...)
	}
	return ps
}

// errnoRet judges the number that an action returns. The kernel gives errno
// 12 bits (MAX_ERRNO) and a tracer 16 (SECCOMP_RET_DATA).
func errnoRet(path string, action specs.LinuxSeccompAction, number *uint) (ps Problems) {
	switch {
	case number == nil:
	case action == specs.ActErrno:
		ps = append(ps, within(path, *number, 0, 1<<12-1)...)
	case action == specs.ActTrace:
		ps = append(ps, within(path, *number, 0, 1<<16-1)...)
	default:
		ps.add(path, "%s returns no number", action)
	}
	return ps
}
