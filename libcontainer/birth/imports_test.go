package birth

import (
	"os/exec"
	"strings"
	"testing"
)

// TestPure makes sure that the compiler can look nothing up and change nothing: it is
// built without what holds a container's state, its cgroups, terminals or processes.
func TestPure(t *testing.T) {
	allowed := map[string]bool{}
	for _, p := range []string{
		"internal/kernel", "libcontainer/birth", "libcontainer/capabilities", "libcontainer/seccomp", "nsenter",
		"spec",
	} {
		allowed["github.com/rung-oci/rung/"+p] = true
	}
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for p := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(p, "github.com/rung-oci/rung/") && !allowed[p] {
			t.Errorf("the compiler is built with %s", p)
		}
	}
}
