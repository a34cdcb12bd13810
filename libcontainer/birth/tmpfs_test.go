package birth

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/spec"
)

// TestReadOnlyTmpfs makes sure that a tmpfs gets its mode and its content before
// it becomes read-only.
func TestReadOnlyTmpfs(t *testing.T) {
	for _, options := range [][]string{{"ro"}, {"ro", "mode=755"}, {"ro", "tmpcopyup"}, {"rro"}, {"rro", "tmpcopyup"}} {
		s := spec.Default()
		s.Mounts = []specs.Mount{{Destination: "/a", Type: "tmpfs", Source: "tmpfs", Options: options}}
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Root.Readonly = nil, nil, false
		s.Process.Terminal = false
		birth := compiled(t, inputFor(s))
		k := &fakeKernel{all: true}
		k.run(t, birth.Program)
		if err := birth.Program.Failure(k.report); err != nil {
			t.Errorf("%v: %v", options, err)
		}
		if text := string(printBirth(t, birth)); !strings.Contains(text, "MOUNT_ATTR_RDONLY") {
			t.Errorf("%v: it is not read-only", options)
		}
	}
}
