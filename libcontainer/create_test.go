package libcontainer

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestLongestList(t *testing.T) {
	for _, tt := range []struct {
		spec specs.Spec
		want string
	}{
		{specs.Spec{Mounts: make([]specs.Mount, 3)}, "mounts: 3 elements"},
		{specs.Spec{Mounts: make([]specs.Mount, 3), Linux: &specs.Linux{MaskedPaths: make([]string, 4),
			ReadonlyPaths: make([]string, 2)}}, "linux.maskedPaths: 4 elements"},
		{specs.Spec{Linux: &specs.Linux{ReadonlyPaths: make([]string, 1)}}, "linux.readonlyPaths: 1 elements"},
	} {
		if got := longestList(&tt.spec); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
