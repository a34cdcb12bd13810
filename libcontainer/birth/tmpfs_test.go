package birth

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/spec"
)

// TestReadOnlyTmpfs makes sure that a tmpfs gets its mode, its content and the mount
// points of others before it becomes read-only.
func TestReadOnlyTmpfs(t *testing.T) {
	for _, options := range [][]string{{"ro"}, {"ro", "mode=755"}, {"ro", "tmpcopyup"}, {"rro"}, {"rro", "tmpcopyup"}} {
		s := spec.Default()
		s.Mounts = []specs.Mount{
			{Destination: "/a", Type: "tmpfs", Source: "tmpfs", Options: options},
			{Destination: "/link/b", Type: "ramfs", Options: []string{"ro"}},
			{Destination: "/c", Type: "cgroup", Options: []string{"ro"}},
			{Destination: "/d", Type: "bind", Source: "/s"},
		}
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Root.Readonly = nil, nil, false
		s.Process.Terminal = false
		birth := compiled(t, inputFor(s))
		k := &fakeKernel{all: true}
		k.run(t, birth.Program)
		if err := birth.Program.Failure(k.report); err != nil {
			t.Errorf("%v: %v", options, err)
		}
		_, below, _ := strings.Cut(string(printBirth(t, birth)), "binding /s to /d")
		if n := strings.Count(below, "MOUNT_ATTR_RDONLY"); n != 3 {
			t.Errorf("%v: %d become read-only when all are mounted, want 3", options, n)
		}
	}
}

// TestCopiedUpTmpfs: the owner and the mode that options say are set when the content is
// there, which may have others.
func TestCopiedUpTmpfs(t *testing.T) {
	for _, c := range []struct {
		options []string
		want    []string
	}{
		{nil, nil},
		{[]string{"uid=5"}, []string{`fchownat($mount, ".", 5, -1, 0)`}},
		{[]string{"gid=7", "size=1"}, []string{`fchownat($mount, ".", -1, 7, 0)`}},
		{[]string{"mode=1755", "uid=0"}, []string{`fchownat($mount, ".", 0, -1, 0)`, `fchmodat($mount, ".", 01755)`}},
	} {
		s := spec.Default()
		s.Mounts = []specs.Mount{{Destination: "/a", Type: "tmpfs", Options: append(c.options, "tmpcopyup")}}
		s.Process.Terminal = false
		var got []string
		copied := false
		for _, l := range linesOf(t, compiled(t, inputFor(s)).Program) {
			if copied = copied || l.name == "sendmsg"; copied && (l.name == "fchownat" || l.name == "fchmodat") {
				got = append(got, l.text)
			}
			if l.name == "move_mount" && l.arg(2) == "$target" {
				break
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: %q, want %q", c.options, got, c.want)
		}
	}
	in := defaultInput()
	in.Spec.Mounts = []specs.Mount{{Destination: "/a", Type: "tmpfs", Options: []string{"tmpcopyup", "mode=9"}}}
	in.Mounts, _ = Mounts(in.Spec, "/bundle")
	if _, err := Compile(in); err == nil || !strings.HasPrefix(err.Error(), "mounts[0] (/a): option mode=9: ") {
		t.Error(err)
	}
}
