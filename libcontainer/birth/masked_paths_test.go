package birth

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/spec"
)

func TestMissingPathsAreNotMasked(t *testing.T) {
	s := spec.Default()
	s.Mounts, s.Process.Terminal = nil, false
	s.Linux.MaskedPaths = []string{"/dir", "/file", "/missing", "/dir/", "/file"} // each once
	s.Linux.ReadonlyPaths = []string{"/file/below", "/dir", "//dir"}
	birth := compiled(t, inputFor(s))
	k := &fakeKernel{tree: map[string]uint64{"dir": unix.S_IFDIR, "file": unix.S_IFREG, "file/below": unix.S_IFREG}}
	k.fail = func(name, path string) unix.Errno {
		if name == "openat2" && path == "file/below" {
			return unix.ENOTDIR
		}
		return 0
	}
	k.run(t, birth.Program)
	if err := birth.Program.Failure(k.report); err != nil {
		t.Fatal(err)
	}
	mounted := map[string][]string{}
	current := ""
	for _, call := range k.trace {
		if p, ok := strings.CutPrefix(call, "openat2 "); ok {
			current = p
		}
		if call == "open_tree" || call == "move_mount" {
			mounted[current] = append(mounted[current], call)
		}
	}
	both := []string{"open_tree", "move_mount"}
	for p, want := range map[string][]string{
		"dir": slices.Concat(both, both), "file": both, "missing": nil, "file/below": nil,
	} {
		if !slices.Equal(mounted[p], want) {
			t.Errorf("%s: %q, want %q", p, mounted[p], want)
		}
	}
}
