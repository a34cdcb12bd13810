package v2

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rung-oci/rung/cgroups"
)

// Without linux.cgroupsPath a cgroup is beside the caller's, or below where it can be nowhere else.
func TestBeside(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "user/main"), 0o755); err != nil {
		t.Fatal(err)
	}
	h := cgroups.Hierarchies{{Unified: true, Mountpoint: dir, Root: "/", Own: "/user/main"}}
	expect := func(path, want string) {
		t.Helper()
		m, err := New(h, path, "id", nil)
		if want = filepath.Join(dir, want); err != nil || m.dir.Path != want {
			t.Errorf("%q: %s, %v, want %s", path, m.dir.Path, err, want)
		}
	}
	expect("", "user/main/id") // no process can come to the parent: it has no cgroup.procs
	if err := os.WriteFile(filepath.Join(dir, "user/cgroup.procs"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	expect("", "user/id")
	expect("named", "user/main/named")
	expect("/named", "named")
	h[0].Own = "/"
	expect("", "id")
}
