package libcontainer

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestLongestList(t *testing.T) {
	for _, tt := range []struct {
		spec specs.Spec
		path string
		size int
	}{
		{specs.Spec{Mounts: make([]specs.Mount, 3)}, "mounts", 3},
		{specs.Spec{Mounts: make([]specs.Mount, 3), Linux: &specs.Linux{MaskedPaths: make([]string, 4),
			ReadonlyPaths: make([]string, 2)}}, "linux.maskedPaths", 4},
		{specs.Spec{Linux: &specs.Linux{ReadonlyPaths: make([]string, 1)}}, "linux.readonlyPaths", 1},
	} {
		if path, size := longestList(&tt.spec); path != tt.path || size != tt.size {
			t.Errorf("got %s, %d, want %s, %d", path, size, tt.path, tt.size)
		}
	}
}

func TestCheckSizes(t *testing.T) {
	s := specs.Spec{Linux: &specs.Linux{Devices: make([]specs.LinuxDevice, maxElements)}}
	if err := checkSizes(&s); err != nil {
		t.Error(err)
	}
	s.Mounts = make([]specs.Mount, 100_000)
	if err := checkSizes(&s); err == nil || !strings.HasPrefix(err.Error(), "mounts: 100000 elements, more than ") {
		t.Error(err)
	}
}
