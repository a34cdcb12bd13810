package libcontainer

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rung-oci/rung/libcontainer/failure"
	"github.com/rung-oci/rung/libcontainer/logs"
	"github.com/rung-oci/rung/libcontainer/store"
)

// TestReadmeOfTheHumanSide makes sure that the timeline in the README is one of
// the default config's program and of this launcher's actions, and that its hint
// about the store is the one given. The times are those of some machine.
func TestReadmeOfTheHumanSide(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	known, err := os.ReadFile("birth/testdata/default.plan")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"create.go", "cgroup.go", "launch.go", "conversation.go", "run.go",
		"timeline/recorder.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		known = append(known, source...)
	}
	bars := regexp.MustCompile(`(?m)^    \|[ #]{40}\| +\d+\.\d{3}  (.+)$`).FindAllSubmatch(readme, -1)
	if len(bars) < 10 {
		t.Fatalf("%d bars in the README", len(bars))
	}
	for _, bar := range bars {
		what := strings.Replace(string(bar[1]), "/bin/true", "/bin/sh", 1) // which the default config runs
		if !strings.Contains(string(known), "# "+what+"\n") && !strings.Contains(string(known), `"`+what+`"`) {
			t.Errorf("nothing is called %q", what)
		}
	}
	fields := logs.FieldsOf(failure.OfStore(store.ErrNotExist, store.DefaultRoot))
	if hint := "\n    hint: " + fields[0].Value + "\n"; !strings.Contains(string(readme), hint) {
		t.Errorf("the README has not got %q", hint)
	}
}
