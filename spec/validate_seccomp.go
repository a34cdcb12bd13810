package spec

import (
	"github.com/opencontainers/runtime-spec/specs-go"
)

var seccompOperators = [...]specs.LinuxSeccompOperator{
	specs.OpEqualTo, specs.OpGreaterEqual, specs.OpGreaterThan, specs.OpLessEqual,
	specs.OpLessThan, specs.OpMaskedEqual, specs.OpNotEqual,
}

var seccompFlags = [...]specs.LinuxSeccompFlag{
	specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow,
	"SECCOMP_FILTER_FLAG_TSYNC", specs.LinuxSeccompFlagWaitKillableRecv,
}

func seccomp(s *specs.LinuxSeccomp) (ps Problems) {
	ps = append(ps, known("defaultAction", s.DefaultAction, seccompActionNames())...)
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
	ps = append(ps, known("action", s.Action, seccompActionNames())...)
	ps = append(ps, errnoRet("errnoRet", s.Action, s.ErrnoRet)...)
	if len(s.Args) > 6 {
		ps.add("args", "has %d entries, more than a system call has arguments", len(s.Args))
	}
	for i := range s.Args {
		ps = append(ps, within("index", &s.Args[i].Index, 0, 5).at("args", i)...)
		ps = append(ps, known("op", s.Args[i].Op, seccompOperators[:]).at("args", i)...)
	}
	return ps
}

// errnoRet judges the number that an action returns.
func errnoRet(path string, action specs.LinuxSeccompAction, number *uint) (ps Problems) {
	if number == nil {
		return nil
	}
	if a, _ := SeccompActionByName(action); a.Most > 0 {
		return within(path, number, 0, a.Most)
	}
	ps.add(path, "%s returns no number", action)
	return ps
}
