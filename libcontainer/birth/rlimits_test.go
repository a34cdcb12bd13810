package birth

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/nsenter"
)

// limitCall is a call of a program that sets a limit.
type limitCall struct {
	soft, hard uint64
	outside    bool // before the process is in a user namespace
}

func limitCalls(t *testing.T, p *nsenter.Program, resource string) (calls []limitCall) {
	t.Helper()
	lines := linesOf(t, p)
	inside := userNamespaceAt(lines)
	for i, l := range lines {
		if l.name != "prlimit64" || l.arg(1) != resource {
			continue
		}
		words, err := hex.DecodeString(strings.ReplaceAll(strings.Trim(l.arg(2), "<>"), " ", ""))
		if err != nil || len(words) != 16 {
			t.Fatalf("%s: %v", l.text, err)
		}
		calls = append(calls, limitCall{binary.NativeEndian.Uint64(words), binary.NativeEndian.Uint64(words[8:]),
			i < inside})
	}
	return calls
}

// userNamespaceAt is the step that brings a program into a user namespace, -1 if there
// is none.
func userNamespaceAt(lines []line) int {
	return slices.IndexFunc(lines, func(l line) bool {
		return (l.name == "setns" || l.name == "unshare" || l.name == "clone") &&
			strings.Contains(l.text, "CLONE_NEWUSER")
	})
}

// TestLimitsAreRaisedOutside: in a user namespace there is no right to raise a hard
// limit. What is lower than it was comes where it was: late.
func TestLimitsAreRaisedOutside(t *testing.T) {
	const nproc, nofile, memlock = "6", "7", "8" // of all, the host's are 4096
	limits := []specs.POSIXRlimit{
		{Type: "RLIMIT_NPROC", Soft: 10, Hard: 5000}, {Type: "RLIMIT_NOFILE", Soft: 3, Hard: 6000},
		{Type: "RLIMIT_MEMLOCK", Soft: 7000, Hard: 8000}, {Type: "RLIMIT_CORE", Soft: 1, Hard: 4096},
	}
	programs := map[string]*nsenter.Program{}
	for name, in := range map[string]*Input{"new": everythingInput(t), "joined": joiningInput()} {
		in.Spec.Process.Rlimits = limits
		programs[name] = compiled(t, in).Program
	}
	in := execEverything(t)
	in.Spec.Process.Rlimits = limits
	e, err := CompileExec(in)
	if err != nil {
		t.Fatal(err)
	}
	programs["exec"] = e.Program
	for name, p := range programs {
		for resource, want := range map[string][]limitCall{
			nproc:   {{4096, 5000, true}, {10, 5000, false}},
			nofile:  {{4096, 6000, true}, {64, 6000, false}, {3, 6000, false}},
			memlock: {{7000, 8000, true}, {7000, 8000, false}},
			"4":     {{1, 4096, false}},
		} {
			if got := limitCalls(t, p, resource); !slices.Equal(got, want) {
				t.Errorf("%s user namespace: limit %s is set to %v, want %v", name, resource, got, want)
			}
		}
	}
}

// TestLimitsAreRaisedOnce: without a user namespace the process has the right to
// the last.
func TestLimitsAreRaisedOnce(t *testing.T) {
	in := defaultInput()
	in.Spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_MEMLOCK", Soft: 7000, Hard: 8000}}
	if got := limitCalls(t, compiled(t, in).Program, "8"); !slices.Equal(got, []limitCall{{7000, 8000, false}}) {
		t.Errorf("the limit is set to %v", got)
	}
}
