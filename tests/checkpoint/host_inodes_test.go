package checkpoint

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// Nothing that a restored container gets of the host is its root's to change: neither what
// its masked files are covered with, nor streams that are /dev/null, whatever they were.
func TestInodesOfTheHost(t *testing.T) {
	const script = "exec 2>&1; echo ready; until [ -e /tmp/go ]; do sleep 0.02; done; exec vandal"
	for name, tt := range map[string]struct {
		null bool   // standard input and output, from the beginning
		user uint32 // what 0 of a user namespace is on the host, 1: there is none
	}{
		"pipes": {false, 1}, "null": {true, 1}, "user namespace": {true, 100000}, "mapped to itself": {true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			change := func(c *specs.Spec) {
				caps := c.Process.Capabilities
				all := append(caps.Bounding, "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_SETFCAP")
				caps.Bounding, caps.Effective, caps.Permitted = all, all, all
				if tt.user != 1 {
					bundle.Namespace(specs.UserNamespace, "")(c)
					ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: tt.user, Size: 65536}}
					c.Linux.UIDMappings, c.Linux.GIDMappings = ids, ids
					c.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/random", Type: "c", Major: 1, Minor: 5}}
				}
			}
			s := newSubject(t, script, change)
			h := bundle.NewStandIn(t)
			s.Vandal()
			if tt.user > 1 {
				host(t, "chown", "-R", "100000:100000", s.Path("."))
			}
			if tt.null {
				h.Call(s.Container, "create", "--bundle", s.Bundle, s.ID).OK()
				s.Start().OK()
			} else {
				s.start()
			}
			s.checkpoint().OK()
			before := h.Inodes()
			restore := []string{"restore", "--detach", "--bundle", s.Bundle, "--image-path", s.images, s.ID}
			h.Call(s.Container, restore...).OK()
			if tt.null { // again: the restored one is as good as a created one
				s.checkpoint().OK()
				h.Call(s.Container, restore...).OK()
			}
			s.write(s.Path("tmp/go"), "")
			s.WaitStatus(specs.StateStopped)
			if _, err := os.Stat(s.Path("tried")); err != nil {
				t.Errorf("vandal did not come to its end: %v", err)
			}
			if after := h.Inodes(); after != before {
				t.Errorf("the host had\n%sand has\n%s", before, after)
			}
			s.Delete().OK()
		})
	}
}

// Mount points below a bind mount are made again, as for a container that is created.
func TestMountPointsInBoundDirectories(t *testing.T) {
	s := newSubject(t, counter)
	data, other := filepath.Join(s.Dir, "data"), filepath.Join(s.Dir, "other")
	s.write(filepath.Join(data, "file"), "data")
	s.write(filepath.Join(other, "file"), "other")
	s.Configure(bundle.Shell(counter), bind(data, "/mnt/data"), bind(other, "/mnt/data/new/dir"),
		bind(filepath.Join(other, "file"), "/mnt/data/single"),
		bundle.Mount(specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: "/mnt/data/tmp"}))
	s.start()
	s.checkpoint().OK()
	for _, made := range []string{"new/dir", "new", "single", "tmp"} {
		if err := os.Remove(filepath.Join(data, made)); err != nil {
			t.Fatal(err)
		}
	}
	s.restore().OK()
	s.counts(s.count())
	got := s.Exec(nil, "cat", "/mnt/data/new/dir/file", "/mnt/data/single", "/mnt/data/file").OK().Stdout
	if got != "otherotherdata" {
		t.Errorf("restored with %q", got)
	}
}
