package maxprocs_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// seen is what the probe of testdata saw.
type seen struct {
	Args, Env []string
	Maxprocs  int
}

// build builds the probe, with its process beginning at start, and returns its path.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "probe")
	cmd := exec.Command("go", "build", "-ldflags", "-E github.com/rung-oci/rung/cmd/maxprocs.start",
		"-o", path, "./testdata/probe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the probe: %v\n%s", err, out)
	}
	return path
}

func see(t *testing.T, path string, args, env []string) (s seen) {
	t.Helper()
	cmd := exec.Command(path, args...)
	// runs programs of this architecture where the kernel does not
	if emulator := os.Getenv("RUNG_TEST_EXEC"); emulator != "" {
		cmd = exec.Command(emulator, append([]string{path}, args...)...)
	}
	cmd.Env = env
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// The vectors are moved, and nothing of them is lost: not with nothing in them, not
// with an odd number, not with many. The setting is there once, and before the caller's.
func TestVectors(t *testing.T) {
	path := build(t)
	many := make([]string, 1001)
	for i := range many {
		many[i] = "V" + string(rune('A'+i%26)) + string(rune('A'+i/26%26)) + string(rune('A'+i/676)) + "=1"
	}
	tests := []struct {
		name      string
		args, env []string
	}{
		{"empty", nil, []string{}},
		{"one", []string{"a"}, []string{"A=1"}},
		{"two", []string{"a", ""}, []string{"A=1", "B="}},
		{"many", many, many},
		{"the caller's", nil, []string{"GOMAXPROCS=3", "A=1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := see(t, path, test.args, test.env)
			if !slices.Equal(s.Args[1:], test.args) {
				t.Errorf("%d arguments, want %d: %.200q …", len(s.Args)-1, len(test.args), s.Args)
			}
			isSetting := func(v string) bool { return strings.HasPrefix(v, "GOMAXPROCS=") }
			want := append(slices.DeleteFunc(slices.Clone(test.env), isSetting), "GOMAXPROCS=1")
			// The emulator turns the order round.
			if got, want := slices.Sorted(slices.Values(s.Env)), slices.Sorted(slices.Values(want)); !slices.Equal(got,
				want) {
				t.Errorf("environment of %d, want %d: %.200q …", len(got), len(want), got)
			}
			if s.Maxprocs != 1 {
				t.Errorf("GOMAXPROCS is %d", s.Maxprocs)
			}
		})
	}
}
