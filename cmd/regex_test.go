package cmd

import (
	"strings"
	"testing"
)

func TestRegex(t *testing.T) {
	root := t.TempDir()
	for _, id := range []string{"web-1", "web-2", "db"} {
		addContainer(t, root, id)
	}
	if got := rung(t, root, "delete", "--regex", "("); got.code == 0 || !strings.Contains(got.err, "--regex: ") {
		t.Errorf("%+v", got)
	}
	if got := rung(t, root, "delete", "-r", "^none"); got.code != 0 {
		t.Errorf("%+v", got)
	}
	if got := rung(t, root, "kill", "-r", "^d", "KILL"); got.code != 1 ||
		!strings.Contains(got.err, "db: container not running") || strings.Contains(got.err, "web") {
		t.Errorf("%+v", got)
	}
	if got := rung(t, root, "delete", "--force", "--regex", "^web-[0-9]$"); got.code != 0 {
		t.Errorf("%+v", got)
	}
	if got := rung(t, root, "list", "--quiet"); got.stdout != "db\n" {
		t.Errorf("left: %q", got.stdout)
	}
}
