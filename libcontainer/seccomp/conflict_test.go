package seccomp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// TestLibseccomp has profiles of two rules for personality(1, 1) with the verdicts of libseccomp
// 2.5.4; 0 stands for its EEXIST. rung gives the same, or refuses, or the stricter rule decides, if that
// is the first.
func TestLibseccomp(t *testing.T) {
	const trap, errno5 = unix.SECCOMP_RET_TRAP, unix.SECCOMP_RET_ERRNO | 5
	no := []specs.LinuxSeccompArg(nil)
	c := func(op specs.LinuxSeccompOperator, value uint64) []specs.LinuxSeccompArg {
		return []specs.LinuxSeccompArg{arg(0, op, value)}
	}
	masked := func(mask, value uint64) []specs.LinuxSeccompArg {
		return []specs.LinuxSeccompArg{{Index: 0, Op: specs.OpMaskedEqual, Value: mask, ValueTwo: value}}
	}
	eq1, second := c(specs.OpEqualTo, 1), []specs.LinuxSeccompArg{arg(1, specs.OpEqualTo, 1)}
	both := append(c(specs.OpEqualTo, 1), second...)
	const allow = retAllow
	for _, tt := range []struct {
		first      uint32
		firstArgs  []specs.LinuxSeccompArg
		second     uint32
		secondArgs []specs.LinuxSeccompArg
		libseccomp uint32
		refused    bool
		shadowed   bool
	}{
		{allow, eq1, trap, eq1, 0, true, false},
		{allow, eq1, allow, eq1, allow, false, false},
		{errno5, eq1, unix.SECCOMP_RET_ERRNO | 6, eq1, 0, true, false},
		{allow, masked(1, 1), trap, masked(1, 3), 0, true, false},
		{allow, no, trap, no, allow, false, true},
		{trap, no, allow, no, trap, false, true},
		{allow, no, trap, eq1, allow, false, true},
		{trap, eq1, allow, no, allow, false, true},
		{allow, eq1, trap, c(specs.OpLessThan, 5), allow, true, false},
		{trap, c(specs.OpLessThan, 5), allow, eq1, allow, true, false},
		{trap, eq1, allow, c(specs.OpLessThan, 5), trap, true, false},
		{trap, eq1, allow, c(specs.OpNotEqual, 7), allow, true, false},
		{trap, eq1, allow, masked(1, 1), trap, true, false},
		{allow, masked(1, 1), trap, eq1, allow, true, false},
		{allow, eq1, trap, second, trap, true, false},
		{allow, eq1, trap, both, allow, true, false},
		{trap, both, allow, eq1, 0, true, false},
		{trap, c(specs.OpGreaterEqual, 1), allow, c(specs.OpLessEqual, 9), allow, true, false},
		{allow, c(specs.OpGreaterEqual, 1), trap, c(specs.OpGreaterThan, 0), allow, true, false},
		{allow, c(specs.OpNotEqual, 7), trap, c(specs.OpEqualTo, 7), allow, false, false},
		{trap, c(specs.OpEqualTo, 7), allow, c(specs.OpNotEqual, 7), allow, false, false},
		{allow, c(specs.OpGreaterThan, 0), trap, c(specs.OpLessEqual, 0), allow, false, false},
		{allow, masked(3, 1), trap, masked(3, 2), allow, false, false},
	} {
		name := fmt.Sprintf("%#x %v, %#x %v", tt.first, tt.firstArgs, tt.second, tt.secondArgs)
		f, err := CompileFor("amd64", denyAllBut(ruleOf(tt.first, tt.firstArgs), ruleOf(tt.second, tt.secondArgs)))
		stricter := tt.refused && tt.first == trap && tt.second == allow
		if tt.refused && !stricter {
			const want = "linux.seccomp.syscalls[1]: a call of personality can meet its conditions and those of " +
				"syscalls[0] at once, but the actions differ"
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		personality := call{nr: 135, audit: unix.AUDIT_ARCH_X86_64, args: [maxArgs]uint64{1, 1}}
		want := map[bool]uint32{false: tt.libseccomp, true: trap}[stricter]
		if got, _, err := interpret(f.Instructions, personality); got != want || err != nil {
			t.Errorf("%s: %#x, %v, libseccomp: %#x", name, got, err, tt.libseccomp)
		}
		if (len(f.Shadowed) > 0) != tt.shadowed {
			t.Errorf("%s: shadowed %v", name, f.Shadowed)
		}
	}
}

func ruleOf(verdict uint32, args []specs.LinuxSeccompArg) specs.LinuxSyscall {
	e := specs.LinuxSyscall{Names: []string{"personality"}, Args: args}
	switch verdict & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW:
		e.Action = specs.ActAllow
	case unix.SECCOMP_RET_TRAP:
		e.Action = specs.ActTrap
	default:
		e.Action, e.ErrnoRet = specs.ActErrno, ptr(uint(verdict&unix.SECCOMP_RET_DATA))
	}
	return e
}

// TestMeets compares with trying all values of four bits.
func TestMeets(t *testing.T) {
	const greatest = 15
	var all []condition
	for v := uint64(0); v <= greatest; v++ {
		for _, jump := range []uint16{unix.BPF_JEQ, unix.BPF_JGT, unix.BPF_JGE} {
			c := condition{jump: jump, mask: greatest, value: v}
			all = append(all, c)
			c.negated = true
			all = append(all, c)
		}
		for mask := uint64(0); mask < greatest; mask++ {
			if v&^mask == 0 {
				all = append(all, condition{jump: unix.BPF_JEQ, mask: mask, value: v})
			}
		}
	}
	holds := func(c condition, v uint64) (yes bool) {
		switch c.jump {
		case unix.BPF_JEQ:
			yes = v&c.mask == c.value
		case unix.BPF_JGT:
			yes = v > c.value
		case unix.BPF_JGE:
			yes = v >= c.value
		}
		return yes != c.negated
	}
	for _, c := range all {
		for _, d := range all {
			want := false
			for v := uint64(0); v <= greatest; v++ {
				want = want || holds(c, v) && holds(d, v)
			}
			if got := c.meets(d, greatest); got != want {
				t.Fatalf("%+v and %+v: %v", c, d, got)
			}
		}
	}
}

// TestSize compiles what is far larger than any profile, in no more than a time that is
// generous for what grows with its size, and by far too little for what grows with its square: unknown
// names, 100,000 of them, took 20 s.
func TestSize(t *testing.T) {
	const size, limit = 100_000, 4 * time.Second
	names, same := make([]string, size), make([]string, size)
	rules, different := make([]specs.LinuxSyscall, size), make([]specs.LinuxSyscall, size)
	for i := range size {
		names[i], same[i] = fmt.Sprintf("call_%d", i), "personality"
		rules[i] = entryOf(specs.ActAllow, "personality", arg(0, specs.OpEqualTo, uint64(i)))
		different[i] = specs.LinuxSyscall{Names: []string{syscalls[i%len(syscalls)].name}, Action: specs.ActTrace,
			ErrnoRet: ptr(uint(i % 65536)), Args: []specs.LinuxSeccompArg{arg(0, specs.OpEqualTo, uint64(i))}}
	}
	for name, tt := range map[string]struct {
		entries []specs.LinuxSyscall
		err     string
	}{
		"unknown names":         {[]specs.LinuxSyscall{allow(names...)}, ""},
		"one name":              {[]specs.LinuxSyscall{allow(same...), entryOf(specs.ActTrap, "personality")}, ""},
		"rules for one call":    {rules, "linux.seccomp.syscalls: 100000 rules for personality, more than the 4096 "},
		"rules with all errnos": {different, "linux.seccomp.syscalls: the filter has more than "},
	} {
		began := time.Now()
		_, err := CompileFor("amd64", denyAllBut(tt.entries...))
		if took := time.Since(began); took > limit {
			t.Errorf("%s: %v", name, took)
		}
		if (err == nil) != (tt.err == "") || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
