package birth

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden compares printed programs with testdata/*.plan. The files are the
// same on every architecture.
func TestGolden(t *testing.T) {
	for name, in := range map[string]*Input{
		"default": defaultInput(), "everything": everythingInput(t), "joining": joiningInput(),
		"hostmounts": hostMountsInput(), "rootless": rootlessInput(),
	} {
		t.Run(name, func(t *testing.T) {
			birth, err := Compile(in)
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, name, printBirth(t, birth))
		})
	}
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".plan")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -run Golden -update writes it anew, git diff shows how):\n%s",
			file, firstDifference(got, want))
	}
}

func printBirth(t testing.TB, b *Birth) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, w := range b.Warnings {
		fmt.Fprintf(&out, "warning: %s\n", w)
	}
	fmt.Fprintf(&out, "flags %#x, clones %v, started at %d\n", b.Flags, b.Program.Clones(), b.Ready)
	if err := b.Program.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, p := range b.Sources {
		fmt.Fprintf(&out, "\n--- sources\n")
		if err := p.Print(&out); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func firstDifference(got, want []byte) string {
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	i := 0
	for i < len(g) && i < len(w) && bytes.Equal(g[i], w[i]) {
		i++
	}
	line := func(lines [][]byte) string {
		if i < len(lines) {
			return string(lines[i])
		}
		return "the end"
	}
	return fmt.Sprintf("line %d\ngot  %s\nwant %s", i+1, line(g), line(w))
}

// TestCompileTwice makes sure that nothing depends on the order of a map, or on
// what an earlier compilation left behind.
func TestCompileTwice(t *testing.T) {
	in := everythingInput(t)
	var first []byte
	for i := range 5 {
		birth, err := Compile(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := printBirth(t, birth); i == 0 {
			first = got
		} else if !bytes.Equal(got, first) {
			t.Fatalf("the program differs the %d. time: %s", i+1, firstDifference(got, first))
		}
	}
}
