package seccomp

import (
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// chainOf has n rules of 5 instructions for one call.
func chainOf(n int) specs.LinuxSyscall {
	e := entryOf(specs.ActAllow, "personality")
	for i := range n {
		e.Args = append(e.Args, arg(0, specs.OpEqualTo, uint64(i)<<33|uint64(i)))
	}
	return e
}

func tooLong() *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{chainOf(2000)}}
}

// TestLongJumps puts more between a jump and its target than eight bits reach.
func TestLongJumps(t *testing.T) {
	const n = 150
	s := denyAllBut(chainOf(n), allow("read", "mount", "openat2"))
	f := compileFor(t, "amd64", s)
	for i := range uint64(n) {
		if got := f.verdict(t, unix.AUDIT_ARCH_X86_64, 135, i<<33|i); got != retAllow {
			t.Fatalf("alternative %d: %#x, want allow", i, got)
		}
		if got := f.verdict(t, unix.AUDIT_ARCH_X86_64, 135, i<<34|i); i > 0 && got != retEPERM {
			t.Fatalf("next to alternative %d: %#x, want EPERM", i, got)
		}
	}
	for nr, want := range map[uint32]uint32{0: retAllow, 1: retEPERM, 165: retAllow, 437: retAllow, 438: retENOSYS} {
		if got := f.verdict(t, unix.AUDIT_ARCH_X86_64, nr); got != want {
			t.Errorf("call %d: %#x, want %#x", nr, got, want)
		}
	}
}

// typical is the shape of a container engine's default profile: most names,
// some conditions.
func typical() *specs.LinuxSeccomp {
	var names []string
	for i, row := range syscalls {
		if i%6 != 0 && !slices.Contains([]string{"clone", "personality", "socket"}, row.name) {
			names = append(names, row.name)
		}
	}
	s := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: ptr(1),
		Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32},
		Syscalls: []specs.LinuxSyscall{allow(names...),
			entryOf(specs.ActAllow, "clone", arg(0, specs.OpMaskedEqual, 0x7e020000, 0)),
			entryOf(specs.ActAllow, "socket", arg(0, specs.OpNotEqual, unix.AF_VSOCK))}}
	for _, v := range []uint64{0, 8, 0x20000, 0x20008, 0xffffffff} {
		s.Syscalls = append(s.Syscalls, entryOf(specs.ActAllow, "personality", arg(0, specs.OpEqualTo, v)))
	}
	return s
}

func TestTypicalProfile(t *testing.T) {
	s := typical()
	f := compileFor(t, "amd64", s)
	most := 0
	for i := range amd64ABIs {
		a := &amd64ABIs[i]
		for _, row := range syscalls {
			nr, ok := a.number(&row)
			if !ok {
				continue
			}
			c := call{nr: nr, audit: a.audit, args: [maxArgs]uint64{1}}
			got, steps, err := interpret(f.Instructions, c)
			if err != nil {
				t.Fatal(err)
			}
			if want := oracle("amd64", s, c); got != want {
				t.Errorf("%s %s: %#x, want %#x", a.arch, row.name, got, want)
			}
			most = max(most, steps)
		}
	}
	if len(f.Instructions) > 600 || most > 32 {
		t.Errorf("%d instructions, a call executes up to %d", len(f.Instructions), most)
	}
}

func TestEmptyProfile(t *testing.T) {
	f := compileFor(t, "amd64", &specs.LinuxSeccomp{DefaultAction: specs.ActErrno})
	if got := f.verdict(t, unix.AUDIT_ARCH_X86_64, 5000); got != retEPERM {
		t.Errorf("%#x, want EPERM", got)
	}
}
