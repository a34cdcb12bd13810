package seccomp

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func TestAllows(t *testing.T) {
	// what docker allows of clone(2): no namespaces
	const namespaces = 0x7e020000
	f := compileFor(t, runtime.GOARCH, denyAllBut(allow("read", "setsid"),
		entryOf(specs.ActAllow, "clone", arg(0, specs.OpMaskedEqual, namespaces, 0)),
		entryOf(specs.ActLog, "write"), entryOf(specs.ActErrno, "clone3")))
	known := func(v uint64) Word { return Word{v, true} }
	for name, c := range map[string]struct {
		nr   uintptr
		args []Word
		want bool
	}{
		"without conditions":   {unix.SYS_SETSID, nil, true},
		"unknown arguments":    {unix.SYS_READ, []Word{{}, {}, known(1)}, true},
		"denied":               {unix.SYS_CLONE3, nil, false},
		"not named":            {unix.SYS_OPENAT, nil, false},
		"logged":               {unix.SYS_WRITE, nil, false},
		"condition holds":      {unix.SYS_CLONE, []Word{known(unix.CLONE_PARENT), known(0), {}}, true},
		"condition fails":      {unix.SYS_CLONE, []Word{known(unix.CLONE_NEWNS), known(0), {}}, false},
		"condition on unknown": {unix.SYS_CLONE, []Word{{}, known(0), {}}, false},
	} {
		if got := f.Allows(c.nr, c.args...); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// What is allowed is allowed with all values of what is not known; with everything known it
// is what the interpreter says.
func TestAllowsRandom(t *testing.T) {
	native := &abis(runtime.GOARCH)[0]
	certain, allowed := 0, 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 2))
		s := randomProfile(r)
		f, err := CompileFor(runtime.GOARCH, s)
		if err != nil {
			continue
		}
		for range 50 {
			c := randomCall(r, native, s)
			c.audit = native.audit
			words := make([]Word, maxArgs)
			for i := range words {
				words[i] = Word{c.args[i], true}
			}
			verdict, _, _ := interpret(f.Instructions, c)
			want := verdict&unix.SECCOMP_RET_ACTION_FULL == unix.SECCOMP_RET_ALLOW
			if got := f.Allows(uintptr(c.nr), words...); got != want {
				t.Fatalf("seed %d, %v: %v, the verdict is %#x", seed, c, got, verdict)
			}
			unknown := r.IntN(maxArgs)
			words[unknown] = Word{}
			if f.Allows(uintptr(c.nr), words...) {
				if certain++; !want {
					t.Fatalf("seed %d, %v: allowed without argument %d, the verdict is %#x", seed, c, unknown, verdict)
				}
			}
			if want {
				allowed++
			}
		}
	}
	if certain < allowed/4 || certain == allowed {
		t.Errorf("%d of %d calls were certain to be allowed", certain, allowed)
	}
}

func BenchmarkAllows(b *testing.B) {
	f := compileFor(b, runtime.GOARCH, typical())
	for b.Loop() {
		f.Allows(unix.SYS_SETRESUID, Word{0, true}, Word{0, true}, Word{0, true})
	}
}
