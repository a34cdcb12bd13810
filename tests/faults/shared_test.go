package faults

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// shared is what all containers use.
type shared struct {
	dir, file string // sources of bind mounts
	notify    string // a socket for sd_notify(3)
}

func sharedFiles(t *testing.T) *shared {
	top := filepath.Join(bundle.Scratch(), "shared")
	s := &shared{
		dir: filepath.Join(top, "data"), file: filepath.Join(top, "hosts"), notify: filepath.Join(top, "notify.sock"),
	}
	must(t, os.MkdirAll(filepath.Join(s.dir, "below"), 0o755))
	must(t, os.WriteFile(s.file, nil, 0o644))
	must(t, bundle.Make(filepath.Join(top, "bundle"), &specs.Spec{}))
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.notify, Net: "unixgram"})
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	go io.Copy(io.Discard, conn)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// makeRootfs makes a root filesystem for one container.
func makeRootfs(dir string, owner int) error {
	for _, d := range [...]string{"bin", "cache/copied", "etc"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	busybox := filepath.Join(bundle.Scratch(), "shared/bundle/rootfs/bin/busybox")
	err := errors.Join(
		os.WriteFile(filepath.Join(dir, "cache/copied/file"), []byte("text"), 0o644),
		os.Link(busybox, filepath.Join(dir, "bin/busybox")),
		os.Symlink("busybox", filepath.Join(dir, "bin/true")),
		os.Symlink("busybox", filepath.Join(dir, "bin/sleep")))
	for _, name := range [...]string{"", "bin", "cache", "cache/copied", "cache/copied/file", "etc"} {
		err = errors.Join(err, os.Lchown(filepath.Join(dir, name), owner, owner))
	}
	return err
}
