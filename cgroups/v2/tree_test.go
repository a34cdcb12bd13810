package v2

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// tree makes a directory that looks like cgroups: the paths are files with these texts, of which
// those in between are cgroups. It returns the Manager of one of them.
func tree(t *testing.T, own string, files map[string]string) (m *Manager, root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range files {
		put(t, filepath.Join(root, name), text)
	}
	h := &cgroups.Hierarchy{Unified: true, Mountpoint: root, Root: "/", Own: "/"}
	return &Manager{dir: cgroupfs.Group{Path: filepath.Join(root, own)}, mount: h}, root
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
