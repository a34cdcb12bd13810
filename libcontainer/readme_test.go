package libcontainer

import (
	"os"
	"strings"
	"testing"
)

// TestReadme makes sure that the README shows what `rung plan` prints: each part
// of its example stands in the golden program of the default config.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := os.ReadFile("testdata/default.plan")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(readme), "```\n")
	example, _, ok := strings.Cut(example, "\n```")
	if !ok {
		t.Fatal("the README has no example")
	}
	for part := range strings.SplitSeq(example, "\n\n") {
		if !strings.Contains(string(plan), part+"\n") {
			t.Errorf("not in the golden program:\n%s", part)
		}
	}
}
