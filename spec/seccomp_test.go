package spec

import (
	"slices"
	"testing"
)

func TestSeccompTables(t *testing.T) {
	if !slices.IsSorted(seccompActionNames()) || !slices.IsSorted(SeccompArchs()) {
		t.Errorf("not sorted: %q, %q", seccompActionNames(), SeccompArchs())
	}
	for _, a := range SeccompActions() {
		if found, ok := SeccompActionByName(a.Name); !ok || found != a {
			t.Errorf("%v: found %v", a, found)
		}
	}
	if a, ok := SeccompActionByName("SCMP_ACT_NONE"); ok {
		t.Errorf("found %v", a)
	}
}
