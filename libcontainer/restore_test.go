package libcontainer

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/host"
	"github.com/rung-oci/rung/libcontainer/logs"
)

// TestPrepareMountpoints: CRIU finds in a fresh root filesystem what create would make.
func TestPrepareMountpoints(t *testing.T) {
	bundle := t.TempDir()
	rootfs := filepath.Join(bundle, "rootfs")
	for _, dir := range []string{"rootfs/var", "directory"} {
		if err := os.MkdirAll(filepath.Join(bundle, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(bundle, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/run", filepath.Join(rootfs, "var/run")); err != nil {
		t.Fatal(err)
	}
	mounts, err := birth.Mounts(&specs.Spec{Mounts: []specs.Mount{
		{Destination: "/proc", Type: "proc"},
		{Destination: "/var/run/lock", Type: "tmpfs"},
		{Destination: "/missing/../a/file", Type: "bind", Source: "file"},
		{Destination: "/a/directory/", Type: "rbind", Source: "directory"},
		{Destination: "/proc/below", Type: "bind", Source: "nothing that has to be there"},
		{Destination: "/proc", Options: []string{"remount", "bind", "ro"}},
	}}, bundle)
	if err != nil {
		t.Fatal(err)
	}
	host.FollowDangling(rootfs, mounts)
	c := &restoration{creation: &creation{
		r: &Runtime{Log: &logs.Logger{}}, host: &birth.Host{Rootfs: rootfs}, mounts: mounts,
	}}
	for range 2 { // what is there is left alone
		if err := c.prepareMountpoints(); err != nil {
			t.Fatal(err)
		}
	}
	for name, isDir := range map[string]bool{"proc": true, "run/lock": true, "a/file": false, "a/directory": true} {
		if st, err := os.Lstat(filepath.Join(rootfs, name)); err != nil || st.IsDir() != isDir {
			t.Errorf("%s: %v, %v", name, st, err)
		}
	}
	for _, name := range []string{"missing", "proc/below"} {
		if _, err := os.Lstat(filepath.Join(rootfs, name)); err == nil {
			t.Errorf("%s is made", name)
		}
	}
}
