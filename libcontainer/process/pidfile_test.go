package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWritePidFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pid")
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	// A link in the way of the temporary file is not followed.
	if err := os.Symlink(secret, filepath.Join(dir, ".pid")); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{4711, 1} { // the second replaces the first
		if err := WritePidFile(path, pid); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(path); string(b) != "1" || err != nil {
		t.Errorf("the pid file has %q, %v; want %q", b, err, "1")
	}
	if b, err := os.ReadFile(secret); string(b) != "keep" || err != nil {
		t.Errorf("the link's target has %q, %v", b, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	err = WritePidFile(filepath.Join(dir, "no", "pid"), 1)
	if err == nil || !strings.Contains(err.Error(), "writing the pid file") {
		t.Errorf("missing directory: %v", err)
	}
}
