package libcontainer

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rung-oci/rung/libcontainer/store"
)

// TestReadme makes sure that the README shows what `rung plan` prints: each part
// of its example is the part of the golden program of the default config that
// has the same heading. With -update the README is changed.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := os.ReadFile("testdata/default.plan")
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(strings.TrimSpace(string(plan)), "\n\n") {
		heading, _, _ := strings.Cut(part, "\n")
		parts[heading] = part
	}
	before, rest, _ := strings.Cut(string(readme), "```\n")
	example, after, ok := strings.Cut(rest, "\n```")
	if !ok {
		t.Fatal("the README has no example")
	}
	var shown []string
	for part := range strings.SplitSeq(example, "\n\n") {
		heading, _, _ := strings.Cut(part, "\n")
		if parts[heading] != part && !*update {
			t.Errorf("the golden program has not got this (-update changes the README):\n%s", part)
		}
		shown = append(shown, parts[heading])
	}
	if *update {
		text := before + "```\n" + strings.Join(shown, "\n\n") + "\n```" + after
		if err := os.WriteFile("../README.md", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadmeOfTheHumanSide makes sure that the timeline in the README is one of
// the default config's program and of this launcher's actions, and that its hint
// about the store is the one given. The times are those of some machine.
func TestReadmeOfTheHumanSide(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	known, err := os.ReadFile("testdata/default.plan")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"create.go", "conversation.go", "run.go", "timeline/recorder.go"} {
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
	if hint := "\n    hint: " + storeHint(store.ErrNotExist, store.DefaultRoot) + "\n"; !strings.Contains(string(readme), hint) {
		t.Errorf("the README has not got %q", hint)
	}
}
