package devices

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var update = flag.Bool("update", false, "write the golden files")

// The lists whose programs are kept, and can be read, in testdata.
func goldens() map[string]string {
	return map[string]string{
		"none": `[]`,
		"podman": `[{"allow": false, "access": "rwm"},
			{"allow": true, "type": "c", "major": 10, "minor": 200, "access": "rwm"}]`,
		"docker": `[{"allow": false, "access": "rwm"},
			{"allow": true, "type": "c", "major": 1, "minor": 5, "access": "rwm"},
			{"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"},
			{"allow": true, "type": "c", "major": 1, "minor": 9, "access": "rwm"},
			{"allow": true, "type": "c", "major": 1, "minor": 8, "access": "rwm"},
			{"allow": true, "type": "c", "major": 5, "minor": 0, "access": "rwm"},
			{"allow": true, "type": "c", "major": 5, "minor": 1, "access": "rwm"},
			{"allow": false, "type": "c", "major": 10, "minor": 229, "access": "rwm"}]`,
		"all-but-disks": `[{"allow": true}, {"allow": false, "type": "b", "access": "rw"}]`,
		"a-hole": `[{"allow": false}, {"allow": true, "type": "c", "major": 10, "access": "rw"},
			{"allow": false, "type": "c", "major": 10, "minor": 200, "access": "w"}]`,
		"parts": `[{"allow": false}, {"allow": true, "type": "c", "major": 10, "minor": 1, "access": "r"},
			{"allow": true, "type": "c", "major": 10, "minor": 2, "access": "rw"},
			{"allow": true, "type": "b", "minor": 3, "access": "r"}, {"allow": true, "type": "b", "major": 8}]`,
		"no-nodes": `[{"allow": false}, {"allow": false, "access": "m"}]`,
	}
}

func parse(t testing.TB, text string) (rules []specs.LinuxDeviceCgroup) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &rules); err != nil {
		t.Fatal(err)
	}
	return rules
}

func TestPrograms(t *testing.T) {
	for name, text := range goldens() {
		l, err := New(parse(t, text), nil)
		if err != nil {
			t.Fatal(name, err)
		}
		got, file := l.Compile().String(), filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}
