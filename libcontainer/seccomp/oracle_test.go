package seccomp

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// oracle evaluates a profile for one call, rule by rule, on the types of the
// specification.
func oracle(goarch string, s *specs.LinuxSeccomp, c call) uint32 {
	def := verdictOf(s.DefaultAction, s.DefaultErrnoRet)
	a := abiOf(goarch, s, c)
	if a == nil {
		if goarch == "amd64" && c.audit == unix.AUDIT_ARCH_X86_64 && c.nr == 1<<32-1 {
			return newer(s, &amd64ABIs[0], def)
		}
		return badArch
	}
	named := namesOf(a, c.nr)
	if action, ok := firstUnconditional(s, a, named, def); ok {
		return action
	}
	for _, e := range s.Syscalls {
		if action := verdictOf(e.Action, e.ErrnoRet); action != def && overlap(named, e.Names) &&
			holds(a, e.Args, c.args) {
			return action
		}
	}
	if c.nr > last(s, a) && !a.apart.contains(c.nr) {
		return newer(s, a, def)
	}
	if a.multiplexed && (c.nr == a.base+102 || c.nr == a.base+117) {
		return multiplexedOracle(s, a, c, def)
	}
	return def
}

func multiplexedOracle(s *specs.LinuxSeccomp, a *abi, c call, def uint32) uint32 {
	op := uint32(c.args[0])
	if c.nr == a.base+117 {
		op &= 0xffff
	}
	var name string
	for _, m := range muxed {
		if a.base+m.nr == c.nr && m.call == op {
			name = m.name
		}
	}
	if name != "" {
		if action, ok := firstUnconditional(s, a, []string{name}, def); ok {
			return action
		}
		verdict := def
		for _, e := range s.Syscalls {
			if action := verdictOf(e.Action, e.ErrnoRet); slices.Contains(e.Names, name) &&
				int32(action&0xffff0000) < int32(verdict&0xffff0000) {
				verdict = action
			}
		}
		return verdict
	}
	return def
}

func firstUnconditional(s *specs.LinuxSeccomp, a *abi, named []string, def uint32) (uint32, bool) {
	for _, e := range s.Syscalls {
		action := verdictOf(e.Action, e.ErrnoRet)
		if action == def || !overlap(named, e.Names) {
			continue
		}
		repeated := repeats(e.Args)
		all, any := true, false
		for _, x := range e.Args {
			mask := x.Value
			if !a.wide {
				mask = uint64(uint32(mask))
			}
			free := x.Op == specs.OpMaskedEqual && mask == 0
			all, any = all && free, any || free
		}
		if all || repeated && any {
			return action, true
		}
	}
	return 0, false
}

func repeats(args []specs.LinuxSeccompArg) bool {
	for i, x := range args {
		for _, y := range args[:i] {
			if x.Index == y.Index {
				return true
			}
		}
	}
	return false
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

func verdictOf(a specs.LinuxSeccompAction, errno *uint) uint32 {
	data := uint32(1)
	if errno != nil {
		data = uint32(*errno)
	}
	switch a {
	case specs.ActAllow:
		return 0x7fff0000
	case specs.ActLog:
		return 0x7ffc0000
	case specs.ActTrace:
		return 0x7ff00000 | data
	case specs.ActNotify:
		return 0x7fc00000
	case specs.ActErrno:
		return 0x00050000 | data
	case specs.ActTrap:
		return 0x00030000
	case specs.ActKillProcess:
		return 0x80000000
	}
	return 0
}

func abiOf(goarch string, s *specs.LinuxSeccomp, c call) *abi {
	for i, a := range abis(goarch) {
		if (i == 0 || slices.Contains(s.Architectures, a.arch)) && a.audit == c.audit && c.nr >= a.first &&
			c.nr <= a.last {
			return &abis(goarch)[i]
		}
	}
	return nil
}

func namesOf(a *abi, nr uint32) []string {
	var out []string
	for _, row := range syscalls {
		if n, ok := a.number(&row); ok && n == nr {
			out = append(out, row.name)
		}
	}
	return out
}

// last is the greatest number in the profile, 0 for none.
func last(s *specs.LinuxSeccomp, a *abi) uint32 {
	var out uint32
	for _, row := range syscalls {
		n, ok := a.number(&row)
		if !ok || a.apart.contains(n) {
			continue
		}
		for _, e := range s.Syscalls {
			if slices.Contains(e.Names, row.name) {
				out = max(out, n)
			}
		}
	}
	for _, m := range muxed {
		for _, e := range s.Syscalls {
			if a.multiplexed && slices.Contains(e.Names, m.name) {
				out = max(out, a.base+m.nr)
			}
		}
	}
	return out
}

func newer(s *specs.LinuxSeccomp, a *abi, def uint32) uint32 {
	switch {
	case last(s, a) == 0, s.DefaultAction == specs.ActAllow, s.DefaultAction == specs.ActLog,
		s.DefaultAction == specs.ActTrace, s.DefaultAction == specs.ActNotify:
		return def
	}
	return 0x00050000 | 38
}

func holds(a *abi, conditions []specs.LinuxSeccompArg, args [maxArgs]uint64) bool {
	one := func(x specs.LinuxSeccompArg) bool {
		arg, v, w := args[x.Index], x.Value, x.ValueTwo
		if !a.wide {
			arg, v, w = uint64(uint32(arg)), uint64(uint32(v)), uint64(uint32(w))
		}
		switch x.Op {
		case specs.OpEqualTo:
			return arg == v
		case specs.OpNotEqual:
			return arg != v
		case specs.OpLessThan:
			return arg < v
		case specs.OpLessEqual:
			return arg <= v
		case specs.OpGreaterEqual:
			return arg >= v
		case specs.OpGreaterThan:
			return arg > v
		}
		return arg&v == w&v
	}
	if repeats(conditions) {
		return slices.ContainsFunc(conditions, one)
	}
	return !slices.ContainsFunc(conditions, func(x specs.LinuxSeccompArg) bool { return !one(x) })
}
