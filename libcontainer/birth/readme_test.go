package birth

import (
	"os"
	"strings"
	"testing"
)

// TestReadme makes sure that the README shows what `rung plan` prints: each part
// of its example is the part of the golden program of the default config that
// has the same heading. With -update the README is changed.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
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
		if err := os.WriteFile("../../README.md", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
