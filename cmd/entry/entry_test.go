package entry_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"testing"
)

// seen is what the probe of testdata saw.
type seen struct {
	Args, Env []string
	Maxprocs  int
	Smaps     string
}

// probe is a program that begins at start, with its path.
func probe(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "probe")
	build := exec.Command("go", "build", "-ldflags", "-E github.com/rung-oci/rung/cmd/entry.start", "-o", path, "./testdata/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+runtime.GOARCH)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the probe: %v\n%s", err, out)
	}
	return path
}

// emulator runs programs of this architecture where the kernel does not.
var emulator = os.Getenv("RUNG_TEST_EXEC")

func see(t *testing.T, path string, args, env []string) (s seen) {
	t.Helper()
	cmd := exec.Command(path, args...)
	if emulator != "" {
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
// with an odd number, not with many.
func TestVectors(t *testing.T) {
	path := probe(t)
	many := make([]string, 1001)
	for i := range many {
		many[i] = "V" + string(rune('A'+i%26)) + string(rune('A'+i/26%26)) + string(rune('A'+i/676)) + "=1"
	}
	tests := []struct {
		name      string
		args, env []string
		maxprocs  int
	}{
		{"empty", nil, []string{}, 1},
		{"one", []string{"a"}, []string{"A=1"}, 1},
		{"two", []string{"a", ""}, []string{"A=1", "B="}, 1},
		{"many", many, many, 1},
		{"the caller's", nil, []string{"GOMAXPROCS=3"}, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := see(t, path, test.args, test.env)
			if !slices.Equal(s.Args[1:], test.args) {
				t.Errorf("%d arguments, want %d: %.200q …", len(s.Args)-1, len(test.args), s.Args)
			}
			want := test.env
			if test.maxprocs == 1 {
				want = append(slices.Clone(want), "GOMAXPROCS=1")
			}
			// The emulator turns the order round.
			if got, want := slices.Sorted(slices.Values(s.Env)), slices.Sorted(slices.Values(want)); !slices.Equal(got, want) {
				t.Errorf("environment of %d, want %d: %.200q …", len(got), len(want), got)
			}
			if s.Maxprocs != test.maxprocs {
				t.Errorf("GOMAXPROCS is %d, want %d", s.Maxprocs, test.maxprocs)
			}
		})
	}
}

// All of the executable is mapped.
func TestMapped(t *testing.T) {
	if emulator != "" {
		t.Skip("the emulator's own mappings would be seen")
	}
	path := probe(t)
	s := see(t, path, nil, nil)
	segment := regexp.MustCompile(`(?m)^[0-9a-f]+-[0-9a-f]+ (r\S+) .*` + regexp.QuoteMeta(path) + `\nSize: +(\d+) kB(?:\n.*){2}\nRss: +(\d+) kB`)
	all := segment.FindAllStringSubmatch(s.Smaps, -1)
	if len(all) != 3 {
		t.Fatalf("%d segments in:\n%s", len(all), s.Smaps)
	}
	for _, m := range all {
		if m[2] != m[3] {
			t.Errorf("of the segment %s, %s KiB of %s are mapped", m[1], m[3], m[2])
		}
	}
}
