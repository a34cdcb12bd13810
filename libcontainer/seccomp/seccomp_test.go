package seccomp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/spec"
)

const (
	retAllow  = unix.SECCOMP_RET_ALLOW
	retEPERM  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	retENOSYS = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

func ptr(n uint) *uint { return &n }

// denyAllBut allows the entries on all ABIs of a machine.
func denyAllBut(entries ...specs.LinuxSyscall) *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Architectures: spec.SeccompArchs(), Syscalls: entries}
}

func allow(names ...string) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: names, Action: specs.ActAllow}
}

func entryOf(action specs.LinuxSeccompAction, name string, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: []string{name}, Action: action, Args: args}
}

func arg(index uint, op specs.LinuxSeccompOperator, values ...uint64) specs.LinuxSeccompArg {
	a := specs.LinuxSeccompArg{Index: index, Op: op, Value: values[0]}
	if len(values) > 1 {
		a.ValueTwo = values[1]
	}
	return a
}

func compileFor(t testing.TB, goarch string, s *specs.LinuxSeccomp) *Filter {
	t.Helper()
	f, err := CompileFor(goarch, s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *Filter) verdict(t testing.TB, audit, nr uint32, args ...uint64) uint32 {
	t.Helper()
	c := call{nr: nr, audit: audit}
	copy(c.args[:], args)
	v, _, err := interpret(f.Instructions, c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOperators(t *testing.T) {
	const v = 5<<32 | 7
	tests := []struct {
		arg specs.LinuxSeccompArg
		yes []uint64
		no  []uint64
	}{
		{arg(1, specs.OpEqualTo, v), []uint64{v}, []uint64{7, 5 << 32, v - 1, v + 1, 6<<32 | 7, 1<<64 - 1}},
		{arg(1, specs.OpNotEqual, v), []uint64{7, 5 << 32, v - 1, v + 1, 6<<32 | 7}, []uint64{v}},
		{arg(1, specs.OpLessThan, v), []uint64{0, v - 1, 4<<32 | 8, 1<<32 - 1}, []uint64{v, v + 1, 6 << 32, 1<<64 - 1}},
		{arg(1, specs.OpLessEqual, v), []uint64{0, v, 4<<32 | 8, 1<<32 - 1}, []uint64{v + 1, 6 << 32, 1<<64 - 1}},
		{arg(1, specs.OpGreaterThan, v), []uint64{v + 1, 6 << 32, 1<<64 - 1},
			[]uint64{0, v, v - 1, 4<<32 | 8, 1<<32 - 1}},
		{arg(1, specs.OpGreaterEqual, v), []uint64{v, v + 1, 6 << 32, 1<<64 - 1}, []uint64{0, v - 1, 4<<32 | 8}},
		{arg(1, specs.OpMaskedEqual, 1<<63|1<<31, 1<<31), []uint64{1 << 31, 1<<31 | 5},
			[]uint64{0, 1 << 63, 1<<63 | 1<<31}},
		// Bits of the operand outside the mask do not count.
		{arg(1, specs.OpMaskedEqual, 0xf0, 0xfff), []uint64{0xf0, 0xfff, 1<<40 | 0xf5}, []uint64{0x0f, 0xe0}},
		{arg(1, specs.OpGreaterEqual, 0), []uint64{0, 1 << 63}, nil},
		{arg(1, specs.OpLessThan, 0), nil, []uint64{0, 1 << 63}},
	}
	for _, test := range tests {
		f := compileFor(t, "amd64", denyAllBut(entryOf(specs.ActAllow, "ioctl", test.arg)))
		for _, a := range test.yes {
			if got := f.verdict(t, unix.AUDIT_ARCH_X86_64, 16, 0, a); got != retAllow {
				t.Errorf("%+v: %#x gives %#x, want allow", test.arg, a, got)
			}
		}
		for _, a := range test.no {
			if got := f.verdict(t, unix.AUDIT_ARCH_X86_64, 16, 0, a); got != retEPERM {
				t.Errorf("%+v: %#x gives %#x, want EPERM", test.arg, a, got)
			}
		}
	}
}

// CVE-2017-18367: conditions of one rule were joined by or.
func TestConditionsAreJoinedByAnd(t *testing.T) {
	f := compileFor(t, "amd64", denyAllBut(
		entryOf(specs.ActAllow, "ioctl", arg(0, specs.OpEqualTo, 1), arg(1, specs.OpEqualTo, 2)),
		// The same argument twice: alternatives, as in runc.
		entryOf(specs.ActAllow, "personality", arg(0, specs.OpEqualTo, 3), arg(0, specs.OpEqualTo, 4))))
	for _, test := range []struct {
		nr   uint32
		args []uint64
		want uint32
	}{
		{16, []uint64{1, 2}, retAllow}, {16, []uint64{1, 3}, retEPERM}, {16, []uint64{0, 2}, retEPERM},
		{135, []uint64{3}, retAllow}, {135, []uint64{4}, retAllow}, {135, []uint64{5}, retEPERM},
	} {
		if got := f.verdict(t, unix.AUDIT_ARCH_X86_64, test.nr, test.args...); got != test.want {
			t.Errorf("call %d%v: %#x, want %#x", test.nr, test.args, got, test.want)
		}
	}
}

func TestVerdicts(t *testing.T) {
	basic := denyAllBut(allow("read", "openat2", "set_tls", "nanosleep"))
	native := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno,
		Syscalls: []specs.LinuxSyscall{allow("read", "openat2")}}
	kill := &specs.LinuxSeccomp{DefaultAction: specs.ActKillProcess,
		Syscalls: []specs.LinuxSyscall{allow("read", "openat2")}}
	open := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{
		{Names: []string{"read"}, Action: specs.ActErrno, ErrnoRet: ptr(5)},
		{Names: []string{"write"}, Action: specs.ActTrace, ErrnoRet: ptr(77)},
		{Names: []string{"close"}, Action: specs.ActTrap}, {Names: []string{"fsync"}, Action: specs.ActKill},
		{Names: []string{"mmap"}, Action: specs.ActLog},
		{Names: []string{"munmap"}, Action: specs.ActTrace}}}
	custom := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: ptr(13),
		Syscalls: []specs.LinuxSyscall{allow("read", "write", "fork")}}
	tests := []struct {
		name      string
		goarch    string
		s         *specs.LinuxSeccomp
		audit, nr uint32
		want      uint32
	}{
		{"named", "amd64", basic, unix.AUDIT_ARCH_X86_64, 0, retAllow},
		{"not named", "amd64", basic, unix.AUDIT_ARCH_X86_64, 1, retEPERM},
		{"newest named", "amd64", basic, unix.AUDIT_ARCH_X86_64, 437, retAllow},
		{"newer", "amd64", basic, unix.AUDIT_ARCH_X86_64, 438, retENOSYS},
		{"in the future", "amd64", basic, unix.AUDIT_ARCH_X86_64, 5000, retENOSYS},
		{"-1", "amd64", basic, unix.AUDIT_ARCH_X86_64, 1<<32 - 1, retENOSYS},
		{"i386", "amd64", basic, unix.AUDIT_ARCH_I386, 3, retAllow},
		{"i386 newer", "amd64", basic, unix.AUDIT_ARCH_I386, 438, retENOSYS},
		{"x32", "amd64", basic, unix.AUDIT_ARCH_X86_64, x32Bit, retAllow},
		{"x32 not named", "amd64", basic, unix.AUDIT_ARCH_X86_64, x32Bit | 1, retEPERM},
		{"x32 newer", "amd64", basic, unix.AUDIT_ARCH_X86_64, x32Bit | 438, retENOSYS},
		{"x32 execve is old", "amd64", basic, unix.AUDIT_ARCH_X86_64, x32Bit | 520, retEPERM},
		{"x32 after its own", "amd64", basic, unix.AUDIT_ARCH_X86_64, x32Bit | 548, retENOSYS},
		{"x32 not listed", "amd64", native, unix.AUDIT_ARCH_X86_64, x32Bit, badArch},
		{"x32 not listed, -1", "amd64", native, unix.AUDIT_ARCH_X86_64, 1<<32 - 1, retENOSYS},
		{"i386 not listed", "amd64", native, unix.AUDIT_ARCH_I386, 3, badArch},
		{"foreign", "amd64", basic, unix.AUDIT_ARCH_AARCH64, 63, badArch},
		{"arm64", "arm64", basic, unix.AUDIT_ARCH_AARCH64, 63, retAllow},
		{"arm64 newer", "arm64", basic, unix.AUDIT_ARCH_AARCH64, 438, retENOSYS},
		{"arm", "arm64", basic, unix.AUDIT_ARCH_ARM, 3, retAllow},
		{"arm private", "arm64", basic, unix.AUDIT_ARCH_ARM, 0xf0005, retAllow},
		{"arm private, not named", "arm64", basic, unix.AUDIT_ARCH_ARM, 0xf0002, retEPERM},
		{"arm newer", "arm64", basic, unix.AUDIT_ARCH_ARM, 438, retENOSYS},
		{"kill, newer", "amd64", kill, unix.AUDIT_ARCH_X86_64, 438, retENOSYS},
		{"kill", "amd64", kill, unix.AUDIT_ARCH_X86_64, 1, unix.SECCOMP_RET_KILL_PROCESS},
		{"default errno", "amd64", custom, unix.AUDIT_ARCH_X86_64, 2, unix.SECCOMP_RET_ERRNO | 13},
		{"allow, newer", "amd64", open, unix.AUDIT_ARCH_X86_64, 5000, retAllow},
		{"errno", "amd64", open, unix.AUDIT_ARCH_X86_64, 0, unix.SECCOMP_RET_ERRNO | 5},
		{"trace", "amd64", open, unix.AUDIT_ARCH_X86_64, 1, unix.SECCOMP_RET_TRACE | 77},
		{"trace, default message", "amd64", open, unix.AUDIT_ARCH_X86_64, 11, unix.SECCOMP_RET_TRACE | 1},
		{"trap", "amd64", open, unix.AUDIT_ARCH_X86_64, 3, unix.SECCOMP_RET_TRAP},
		{"kill is kill thread", "amd64", open, unix.AUDIT_ARCH_X86_64, 74, unix.SECCOMP_RET_KILL_THREAD},
		{"log", "amd64", open, unix.AUDIT_ARCH_X86_64, 9, unix.SECCOMP_RET_LOG},
	}
	for _, test := range tests {
		if got := compileFor(t, test.goarch, test.s).verdict(t, test.audit, test.nr); got != test.want {
			t.Errorf("%s: %#x, want %#x", test.name, got, test.want)
		}
	}
}

func TestSeveralRulesForOneCall(t *testing.T) {
	one := arg(0, specs.OpEqualTo, 1)
	tests := []struct {
		name     string
		entries  []specs.LinuxSyscall
		arg      uint64
		want     uint32
		shadowed []string
	}{
		{"the first", []specs.LinuxSyscall{entryOf(specs.ActAllow, "personality", one),
			entryOf(specs.ActTrap, "personality", arg(0, specs.OpGreaterThan, 1))}, 1, retAllow, nil},
		{"the second", []specs.LinuxSyscall{entryOf(specs.ActAllow, "personality", one),
			entryOf(specs.ActTrap, "personality", arg(0, specs.OpGreaterThan, 1))}, 2, unix.SECCOMP_RET_TRAP, nil},
		{"unconditional after", []specs.LinuxSyscall{entryOf(specs.ActTrap, "personality", one), allow("personality")},
			1,
			retAllow, []string{"personality"}},
		{"unconditional before", []specs.LinuxSyscall{allow("personality"), entryOf(specs.ActTrap, "personality", one)},
			1,
			retAllow, []string{"personality"}},
		{"two unconditional", []specs.LinuxSyscall{entryOf(specs.ActTrap, "personality"), allow("personality")}, 1,
			unix.SECCOMP_RET_TRAP, []string{"personality"}},
		{"the same action twice", []specs.LinuxSyscall{entryOf(specs.ActAllow, "personality", one),
			allow("personality")}, 2, retAllow, nil},
		{"the default action is no rule", []specs.LinuxSyscall{entryOf(specs.ActErrno, "personality"),
			entryOf(specs.ActAllow, "personality", one)}, 1, retAllow, nil},
	}
	for _, test := range tests {
		f := compileFor(t, "amd64", denyAllBut(test.entries...))
		if got := f.verdict(t, unix.AUDIT_ARCH_X86_64, 135, test.arg); got != test.want {
			t.Errorf("%s: %#x, want %#x", test.name, got, test.want)
		}
		if !slices.Equal(f.Shadowed, test.shadowed) {
			t.Errorf("%s: shadowed %q, want %q", test.name, f.Shadowed, test.shadowed)
		}
	}
}

func TestMultiplexed(t *testing.T) {
	noVsock := arg(0, specs.OpNotEqual, unix.AF_VSOCK)
	alg := arg(0, specs.OpEqualTo, unix.AF_ALG)
	denyAlg := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: spec.SeccompArchs(),
		Syscalls: []specs.LinuxSyscall{entryOf(specs.ActErrno, "socket", alg)}}
	tests := []struct {
		name string
		s    *specs.LinuxSeccomp
		nr   uint32
		arg  uint64
		want uint32
	}{
		{"member", denyAllBut(allow("socket")), numberSocketcall, 1, retAllow},
		{"other member", denyAllBut(allow("socket")), numberSocketcall, 2, retEPERM},
		{"no direct number", denyAllBut(allow("recv")), numberSocketcall, 10, retAllow},
		{"ipc", denyAllBut(allow("semop")), numberIPC, 1, retAllow},
		{"ipc with a version", denyAllBut(allow("shmat")), numberIPC, 1<<16 | 21, retAllow},
		{"a conditional permission is none", denyAllBut(entryOf(specs.ActAllow, "socket", noVsock)),
			numberSocketcall, 1, retEPERM},
		{"a conditional refusal is one", denyAlg, numberSocketcall, 1, retEPERM},
		{"of that call only", denyAlg, numberSocketcall, 3, retAllow},
		{"the direct call is exact", denyAlg, 359, unix.AF_INET, retAllow},
		{"the direct call is refused", denyAlg, 359, unix.AF_ALG, retEPERM},
		{"named itself", denyAllBut(allow("socketcall"), entryOf(specs.ActTrap, "socket")),
			numberSocketcall, 1, retAllow},
	}
	for _, test := range tests {
		if got := compileFor(t, "amd64", test.s).verdict(t, unix.AUDIT_ARCH_I386, test.nr, test.arg); got != test.want {
			t.Errorf("%s: %#x, want %#x", test.name, got, test.want)
		}
	}
}

// On 32-bit ABIs, x32 included, the upper halves do not count.
func TestNarrowArguments(t *testing.T) {
	s := denyAllBut(entryOf(specs.ActAllow, "personality", arg(0, specs.OpEqualTo, 1<<64-1)))
	f := compileFor(t, "amd64", s)
	for _, c := range []call{{nr: 136, audit: unix.AUDIT_ARCH_I386},
		{nr: x32Bit | 135, audit: unix.AUDIT_ARCH_X86_64}} {
		if got := f.verdict(t, c.audit, c.nr, 1<<32-1); got != retAllow {
			t.Errorf("%v: %#x, want allow", c, got)
		}
	}
	if got := f.verdict(t, unix.AUDIT_ARCH_X86_64, 135, 1<<32-1); got != retEPERM {
		t.Errorf("x86_64: %#x, want EPERM", got)
	}
}

func TestDropped(t *testing.T) {
	s := denyAllBut(allow("read", "nonsense", "breakpoint", "set_thread_area"), allow("nonsense"))
	if got, want := compileFor(t, "amd64", s).Dropped, []string{"nonsense", "breakpoint"}; !slices.Equal(got, want) {
		t.Errorf("amd64: dropped %q, want %q", got, want)
	}
	s.Architectures = nil
	if got, want := compileFor(t, "arm64", s).Dropped, []string{"nonsense", "breakpoint",
		"set_thread_area"}; !slices.Equal(got, want) {
		t.Errorf("arm64: dropped %q, want %q", got, want)
	}
}

func TestFlags(t *testing.T) {
	for _, test := range []struct {
		flags []specs.LinuxSeccompFlag
		want  uint
	}{
		{nil, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
		{[]specs.LinuxSeccompFlag{}, 0},
		{[]specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog}, unix.SECCOMP_FILTER_FLAG_LOG},
		{[]specs.LinuxSeccompFlag{flagTSYNC, specs.LinuxSeccompFlagSpecAllow, specs.LinuxSeccompFlagWaitKillableRecv},
			unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	} {
		f := compileFor(t, "amd64", &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Flags: test.flags})
		if f.Flags != test.want {
			t.Errorf("%q: %#x, want %#x", test.flags, f.Flags, test.want)
		}
	}
	// All are older than the floor but the last, which is 5.19.
	if got, want := SupportedFlags(), KnownFlags()[:3]; len(got) < 3 || !slices.Equal(got[:3], want) {
		t.Errorf("supported flags %q, want at least %q", got, want)
	}
}

func TestErrors(t *testing.T) {
	base := func(change func(*specs.LinuxSeccomp)) *specs.LinuxSeccomp {
		s := denyAllBut(allow("read"), entryOf(specs.ActAllow, "write", arg(0, specs.OpEqualTo, 1)))
		change(s)
		return s
	}
	tests := []struct {
		want string
		s    *specs.LinuxSeccomp
	}{
		{`linux.seccomp.defaultAction: unknown action ""`, &specs.LinuxSeccomp{}},
		{`linux.seccomp.defaultAction: SCMP_ACT_ALLOW takes no errno`,
			&specs.LinuxSeccomp{DefaultAction: specs.ActAllow, DefaultErrnoRet: ptr(1)}},
		{`linux.seccomp.flags[0]: unknown flag "X"`,
			base(func(s *specs.LinuxSeccomp) { s.Flags = []specs.LinuxSeccompFlag{"X"} })},
		{`linux.seccomp.architectures[1]: unknown architecture "X"`,
			base(func(s *specs.LinuxSeccomp) { s.Architectures = []specs.Arch{specs.ArchX86, "X"} })},
		{`linux.seccomp.syscalls[0].action: errno 4096 of SCMP_ACT_ERRNO is greater than 4095`,
			base(func(s *specs.LinuxSeccomp) {
				s.Syscalls[0].Action, s.Syscalls[0].ErrnoRet = specs.ActErrno, ptr(4096)
			})},
		{`linux.seccomp.syscalls[0].names: empty`, base(func(s *specs.LinuxSeccomp) { s.Syscalls[0].Names = nil })},
		{`linux.seccomp.syscalls[0].names[1]: empty`,
			base(func(s *specs.LinuxSeccomp) { s.Syscalls[0].Names = []string{"a", ""} })},
		{`linux.seccomp.syscalls[1].args[0].op: unknown operator "X"`,
			base(func(s *specs.LinuxSeccomp) { s.Syscalls[1].Args[0].Op = "X" })},
		{`linux.seccomp.syscalls[1].args[0].index: 6 is greater than 5`,
			base(func(s *specs.LinuxSeccomp) { s.Syscalls[1].Args[0].Index = 6 })},
		{`instructions, the kernel takes 4096`, tooLong()},
	}
	for _, test := range tests {
		if _, err := CompileFor("amd64", test.s); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want %q", err, test.want)
		}
	}
	if _, err := CompileFor("wasm", denyAllBut()); err == nil {
		t.Error("wasm compiles")
	}
}

func TestTables(t *testing.T) {
	for _, list := range [][]string{Actions(), Operators(), KnownFlags()} {
		if !slices.IsSorted(list) {
			t.Errorf("not sorted: %q", list)
		}
	}
	for i, row := range syscalls {
		if i > 0 && syscalls[i-1].name >= row.name {
			t.Errorf("%q follows %q", row.name, syscalls[i-1].name)
		}
		if lookup(row.name) != &syscalls[i] {
			t.Errorf("%q is not found", row.name)
		}
	}
	for name, want := range map[string][5]int16{
		"read": {0, 0, 3, 63, 3}, "execve": {59, 520, 11, 221, 11}, "openat2": {437, 437, 437, 437, 437},
		"seccomp": {317, 317, 354, 277, 383}, "set_tls": {-1, -1, -1, -1, apartFirst + 5},
		"pwritev2": {328, 547, 379, 287, 393},
		"uselib":   {134, -1, 86, -1, 86}, "clock_gettime64": {-1, -1, 403, -1, 403},
	} {
		if row := lookup(name); row == nil || [5]int16(row.nr[:5]) != want {
			t.Errorf("%s: %v, want %v", name, row, want)
		}
	}
}

type named386 struct {
	name string
	mux
}

// muxed are all calls of the multiplexers.
var muxed = func() (all []named386) {
	for call, name := range socketcalls[1:] {
		all = append(all, named386{name, mux{102, uint32(call + 1)}})
	}
	for call, name := range ipcs {
		if name != "" {
			all = append(all, named386{name, mux{117, uint32(call)}})
		}
	}
	return all
}()

// TestMuxNumbers looks at the ends of each row of numbers (include/uapi/linux/net.h, ipc.h).
func TestMuxNumbers(t *testing.T) {
	for name, want := range map[string]mux{
		"socket": {102, 1}, "recv": {102, 10}, "sendmmsg": {102, 20}, "semop": {117, 1}, "semtimedop": {117, 4},
		"msgsnd": {117, 11}, "msgctl": {117, 14}, "shmat": {117, 21}, "shmctl": {117, 24}, "socketcall": {}, "": {},
	} {
		if got := lookupMux(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	f := &Filter{Instructions: []unix.SockFilter{{Code: 0x15, Jt: 1, Jf: 2, K: 0xc000003e}, {Code: 6}}}
	if got, want := fmt.Sprintf("%x", f.Bytes()), "150001023e0000c00600000000000000"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func BenchmarkCompile(b *testing.B) {
	s := typical()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := CompileFor("amd64", s); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(compileFor(b, "amd64", s).Instructions)), "instructions")
}
