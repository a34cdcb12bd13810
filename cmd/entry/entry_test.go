package entry_test

import (
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// seen is what the probe of testdata saw.
type seen struct {
	Args, Env []string
	Maxprocs  int
	Smaps     string
}

// probe is a program that begins at start, with its path.
func probe(t *testing.T, l layout) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "probe")
	build(t, path, "./testdata/probe", l)
	return path
}

// A layout says where the linker puts what.
type layout struct{ ldflags, tags string }

// build builds a program that begins at start.
func build(t *testing.T, path, pkg string, l layout) {
	t.Helper()
	cmd := exec.Command("go", "build", "-tags", l.tags, "-ldflags", "-E github.com/rung-oci/rung/cmd/entry.start "+l.ldflags, "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
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
	path := probe(t, layout{})
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

// All of the executable is mapped, nothing of it is writable and executable, and
// where text and read-only data meet in a huge page, that is in one mapping.
func TestMapped(t *testing.T) {
	if emulator != "" {
		t.Skip("the emulator's own mappings would be seen")
	}
	tests := []struct {
		name string
		layout
		modes []string
	}{
		{"in one huge page", layout{}, []string{"r-xp", "r--p", "rw-p"}},
		{"text in one", layout{tags: "padded"}, []string{"r-xp", "r--p", "rw-p"}},
		// The data begin in the huge page that the text ends in.
		{"less than two", layout{ldflags: "-T 0x5e1000"}, []string{"r-xp", "r--p", "rw-p"}},
		{"more", layout{"-T 0x5e1000", "padded"}, []string{"r-xp", "r-xp nh", "r--p nh", "rw-p"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.layout != (layout{}) && runtime.GOARCH != "amd64" {
				t.Skip("the segments of an executable for " + runtime.GOARCH + " do not touch")
			}
			if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil && len(test.modes) == 4 {
				t.Skip("this kernel takes no advice about huge pages: ", err)
			}
			all := mappings(t, probe(t, test.layout))
			var modes []string
			for _, m := range all {
				modes = append(modes, m.mode)
				if m.resident != m.size {
					t.Errorf("of the mapping %s, %d KiB of %d are there", m.mode, m.resident, m.size)
				}
				if m.mode == "rw-p" && m.anonymous != m.size {
					t.Errorf("of the data, %d KiB of %d are the process's own", m.anonymous, m.size)
				}
				if len(test.modes) == 4 && strings.HasPrefix(m.mode, "r-x") && m.end%(2<<20) != 0 {
					t.Errorf("the mapping %s ends at %#x", m.mode, m.end)
				}
			}
			if !slices.Equal(modes, test.modes) {
				t.Errorf("mappings: %q, want %q", modes, test.modes)
			}
		})
	}
}

// A mapping is a part of the probe, in its own memory.
type mapping struct {
	end                       uint64
	mode                      string // with the advice about huge pages, if any
	size, resident, anonymous int    // in KiB
}

func mappings(t *testing.T, path string) (all []mapping) {
	t.Helper()
	smaps := see(t, path, nil, nil).Smaps
	for line := range strings.Lines(smaps) {
		switch f := strings.Fields(line); {
		case strings.HasSuffix(f[0], ":"):
			if len(all) > 0 {
				all[len(all)-1].add(t, f)
			}
		case f[len(f)-1] == path:
			m := mapping{mode: f[1]}
			if _, err := fmt.Sscanf(f[0], "%x-%x", new(uint64), &m.end); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			all = append(all, m)
		case len(all) > 0:
			return all // the executable is in one place
		}
	}
	return all
}

// add adds what a line of smaps says.
func (m *mapping) add(t *testing.T, line []string) {
	t.Helper()
	fields := map[string]*int{"Size:": &m.size, "Rss:": &m.resident, "Anonymous:": &m.anonymous}
	if field := fields[line[0]]; field != nil {
		n, err := strconv.Atoi(line[1])
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		*field = n
	}
	if line[0] == "VmFlags:" {
		for _, advice := range []string{"hg", "nh"} {
			if slices.Contains(line, advice) {
				m.mode += " " + advice
			}
		}
	}
}

// Rung begins in the first huge page of its text, and the text ends in another.
func TestStartIsFirst(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("it does not matter for " + runtime.GOARCH)
	}
	path := filepath.Join(t.TempDir(), "rung")
	build(t, path, "../..", layout{})
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const huge = 2 << 20
	if text := f.Section(".text").Addr; f.Entry/huge != text/huge {
		t.Errorf("it begins at %#x, its text at %#x", f.Entry, text)
	}
	if rodata := f.Section(".rodata").Addr; f.Entry/huge == rodata/huge {
		t.Errorf("it begins at %#x, its read-only data at %#x", f.Entry, rodata)
	}
}
