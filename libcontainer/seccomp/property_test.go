package seccomp

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/spec"
)

// edges are where comparisons by halves go wrong.
var edges = []uint64{0, 1, 2, 5, 0xffff, 1 << 16, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 1, 1<<32 + 5,
	5 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 1<<32, 1<<64 - 1<<31, 1<<64 - 1}

// mentioned are names for random profiles: on all ABIs, on some, multiplexed,
// apart from the common table, and none at all.
var mentioned = []string{"read", "write", "close", "clone", "personality", "openat", "ioctl", "execve", "socket",
	"accept", "recv", "connect", "semop", "shmat", "msgget", "socketcall", "ipc", "set_tls", "cacheflush",
	"sync_file_range2", "fork", "waitpid", "uselib", "clone3", "openat2", "statx", "futex_waitv", "mseal", "nonsense"}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func randomArg(r *rand.Rand) uint64 {
	return pick(r, edges) + uint64(r.IntN(3)) - 1
}

func randomAction(r *rand.Rand) (specs.LinuxSeccompAction, *uint) {
	name := specs.LinuxSeccompAction(pick(r, Actions()))
	if a, _ := spec.SeccompActionByName(name); a.Most == 0 || r.IntN(2) == 0 {
		return name, nil
	}
	errno := uint(r.IntN(3))
	return name, &errno
}

func randomProfile(r *rand.Rand) *specs.LinuxSeccomp {
	s := &specs.LinuxSeccomp{}
	s.DefaultAction, s.DefaultErrnoRet = randomAction(r)
	for _, a := range spec.SeccompArchs() {
		if r.IntN(2) == 0 {
			s.Architectures = append(s.Architectures, a)
		}
	}
	for range r.IntN(12) {
		e := specs.LinuxSyscall{Names: []string{pick(r, mentioned)}}
		for r.IntN(2) == 0 {
			e.Names = append(e.Names, pick(r, mentioned))
		}
		e.Action, e.ErrnoRet = randomAction(r)
		for r.IntN(3) != 0 {
			e.Args = append(e.Args, specs.LinuxSeccompArg{Index: uint(r.IntN(maxArgs)), Value: pick(r, edges),
				ValueTwo: pick(r, edges), Op: pick(r, operators[:]).name})
		}
		s.Syscalls = append(s.Syscalls, e)
	}
	return s
}

// randomCall makes a call that a profile may have a rule for, with arguments
// near those of its conditions.
func randomCall(r *rand.Rand, a *abi, s *specs.LinuxSeccomp) call {
	c := call{audit: a.audit, big: a.big}
	for i := range c.args {
		c.args[i] = randomArg(r)
	}
	if (a.multiplexed) && r.IntN(4) == 0 {
		m := pick(r, muxed[:])
		c.nr, c.args[0] = a.base+m.nr, uint64(m.call)|c.args[0]<<16
		return c
	}
	nrs := []uint32{0, 102, 117, 335, 400, 449, 471, 472, 512, 547, 548, 1000, x32Bit, x32Bit + 471, x32Bit + 512,
		x32Bit + 548,
		0xf0000, 0xf0002, 0xfffff, 0x100000, 1<<31 - 1, 1 << 31, 1<<32 - 2, 1<<32 - 1}
	if c.nr = pick(r, nrs); r.IntN(2) == 0 {
		c.nr += a.base
	}
	if len(s.Syscalls) > 0 && r.IntN(4) != 0 {
		e := pick(r, s.Syscalls)
		if row := lookup(pick(r, e.Names)); row != nil {
			if nr, ok := a.number(row); ok {
				c.nr = nr
			}
		}
		for _, x := range e.Args {
			if r.IntN(3) != 0 {
				c.args[x.Index] = x.Value + uint64(r.IntN(3)) - 1
			}
		}
	}
	return c
}

// checkRandomProfile compares verdicts with the oracle's, and returns how many machines
// have refused the profile. What is refused in no order does not depend on the order of rules, but for
// those without conditions, of which the first decides (Shadowed).
func checkRandomProfile(t *testing.T, seed uint64, calls int) (refused int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	s := randomProfile(r)
	for _, goarch := range []string{"amd64", "arm64", pick(r, Machines())} {
		f, err := CompileFor(goarch, s)
		if err != nil && strings.Contains(err.Error(), "but the actions differ") {
			refused++
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		reversed := *s
		if len(f.Shadowed) == 0 {
			reversed.Syscalls = slices.Clone(s.Syscalls)
			slices.Reverse(reversed.Syscalls)
		}
		if _, err := CompileFor(goarch, &reversed); err != nil { // the stricter rule comes last then
			reversed = *s
		}
		for range calls {
			c := randomCall(r, &abis(goarch)[r.IntN(len(abis(goarch)))], s)
			if r.IntN(20) == 0 {
				c.audit = pick(r, []uint32{unix.AUDIT_ARCH_ARM, unix.AUDIT_ARCH_X86_64, unix.AUDIT_ARCH_I386,
					unix.AUDIT_ARCH_MIPS})
			}
			got, _, err := interpret(f.Instructions, c)
			if err != nil {
				t.Fatalf("seed %d: %v: %v", seed, c, err)
			}
			if want := oracle(goarch, s, c); got != want {
				text, _ := json.Marshal(s)
				t.Fatalf("seed %d, %s, %v: verdict %#x, want %#x\n%s", seed, goarch, c, got, want, text)
			}
			if again := oracle(goarch, &reversed, c); got != again {
				text, _ := json.Marshal(s)
				t.Fatalf("seed %d, %s, %v: verdict %#x, in another order %#x\n%s", seed, goarch, c, got, again, text)
			}
		}
	}
	return refused
}

func TestRandomProfiles(t *testing.T) {
	const profiles = 700
	refused := 0
	for seed := range uint64(profiles) {
		refused += checkRandomProfile(t, seed, 60)
	}
	if refused < profiles/10 || refused > 3*profiles/2 {
		t.Errorf("%d of %d were refused", refused, 3*profiles)
	}
}

func FuzzProfile(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { checkRandomProfile(t, seed, 200) })
}

func TestDeterministic(t *testing.T) {
	for seed := range uint64(50) {
		first, err := CompileFor("amd64", randomProfile(rand.New(rand.NewPCG(seed, 1))))
		again, err2 := CompileFor("amd64", randomProfile(rand.New(rand.NewPCG(seed, 1))))
		if !reflect.DeepEqual(first, again) || !reflect.DeepEqual(err, err2) {
			t.Fatalf("seed %d compiles differently the second time", seed)
		}
	}
}
