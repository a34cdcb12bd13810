package kernel

import (
	"os/exec"
	"strings"
	"testing"
)

// TestBottom makes sure that nothing of the house is below this package.
func TestBottom(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for p := range strings.FieldsSeq(string(out)) {
		first, _, _ := strings.Cut(p, "/")
		own := strings.HasSuffix(p, "/internal/kernel")
		if strings.Contains(first, ".") && !own && !strings.HasPrefix(p, "golang.org/x/sys/") {
			t.Errorf("the package is built with %s", p)
		}
	}
}
