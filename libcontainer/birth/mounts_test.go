package birth

import (
	"fmt"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/spec"
)

// TestMountKinds: what a mount is follows from its type and its options together.
func TestMountKinds(t *testing.T) {
	for _, c := range []struct {
		from        specs.Mount
		kind        MountKind
		bind, rbind bool
		source      string
	}{
		{specs.Mount{Type: "tmpfs", Source: "tmpfs"}, FilesystemMount, false, false, "tmpfs"},
		{specs.Mount{Type: "ext4", Source: "disk"}, FilesystemMount, false, false, "disk"},
		{specs.Mount{Type: "bind", Source: "/s"}, BindMount, true, false, "/s"},
		{specs.Mount{Type: "rbind", Source: "/s"}, BindMount, true, true, "/s"},
		{specs.Mount{Type: "none", Source: "a/../b", Options: []string{"bind"}}, BindMount, true, false, "/bundle/b"},
		{specs.Mount{Source: "b", Options: []string{"rbind"}}, BindMount, true, true, "/bundle/b"},
		{specs.Mount{Type: "bind", Source: "/s", Options: []string{"rbind"}}, BindMount, true, true, "/s"},
		{specs.Mount{Type: "proc", Source: "/s", Options: []string{"rbind"}}, BindMount, true, true, "/s"},
		{specs.Mount{Type: "cgroup", Source: "cgroup"}, CgroupMount, false, false, "cgroup"},
		{specs.Mount{Type: "cgroup", Source: "/s", Options: []string{"bind"}}, BindMount, true, false, "/s"},
		{specs.Mount{Options: []string{"remount", "ro"}}, Remount, false, false, ""},
		{specs.Mount{Type: "bind", Options: []string{"remount"}}, Remount, true, false, ""},
		{specs.Mount{Type: "cgroup", Options: []string{"remount"}}, Remount, false, false, ""},
	} {
		c.from.Destination = "/a"
		m, err := NewMount("mounts[0]", &c.from, "/bundle")
		if err != nil || m.Kind != c.kind || m.Bind != c.bind || m.Rbind != c.rbind || m.Source != c.source {
			t.Errorf("%+v: %+v, %v", c.from, m, err)
		}
	}
}

func TestMountTargets(t *testing.T) {
	for destination, want := range map[string]string{
		"/a": "/a", "a/b": "/a/b", "//a/./b/": "/a/b", "/a/../b": "/b", "/../../b": "/b", "/a..b/..c": "/a..b/..c",
	} {
		m, err := NewMount("mounts[0]", &specs.Mount{Destination: destination, Type: "tmpfs"}, "/bundle")
		if err != nil || m.Target != want || m.Destination != destination {
			t.Errorf("%s: %+v, %v", destination, m, err)
		}
	}
}

// TestMountOrigins: the list is in the order of the configuration, and says where
// each mount and each error comes from.
func TestMountOrigins(t *testing.T) {
	s := spec.Default()
	list, err := Mounts(s, "/bundle")
	if err != nil || len(list) != len(s.Mounts) {
		t.Fatal(list, err)
	}
	if m := list[3]; m.Property != "mounts[3]" || m.Destination != s.Mounts[3].Destination {
		t.Errorf("%+v", m)
	}
	s.Mounts[3].Destination = "/x/.."
	const want = "mounts[3] (/x/..): the destination is the root itself"
	if _, err := Mounts(s, "/bundle"); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestMissingDirectoriesAreMade(t *testing.T) {
	s := spec.Default()
	s.Mounts = []specs.Mount{{Destination: "/a/b/c", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=700"}}}
	s.Process.Terminal = false
	birth := compiled(t, inputFor(s))
	k := &fakeKernel{tree: map[string]uint64{"a": unix.S_IFDIR}}
	k.run(t, birth.Program)
	got := about(k.trace, "openat2 a/b/c", "move_mount")
	got = slices.DeleteFunc(got, func(call string) bool { return call == "close" })
	want := []string{
		"openat2 a/b/c", "mkdirat a", "openat2 a", "mkdirat b", "openat2 a/b", "mkdirat c",
		"openat2 a/b/c", "move_mount",
	}
	if !slices.Equal(got, want) {
		t.Errorf("calls %q\nwant  %q", got, want)
	}
	k = &fakeKernel{tree: map[string]uint64{"a/b/c": unix.S_IFDIR}}
	k.run(t, birth.Program)
	got, want = about(k.trace, "openat2 a/b/c", "move_mount"), []string{"openat2 a/b/c", "move_mount"}
	if !slices.Equal(got, want) {
		t.Errorf("where the directory exists: calls %q\nwant  %q", got, want)
	}
}

func TestBindToAFile(t *testing.T) {
	s := spec.Default()
	s.Mounts = []specs.Mount{{Destination: "/etc/hosts", Type: "bind", Source: "/hosts", Options: []string{"bind"}}}
	s.Process.Terminal = false
	birth := compiled(t, inputFor(s))
	k := &fakeKernel{}
	k.run(t, birth.Program)
	if slices.Contains(k.trace, "mknodat hosts") {
		t.Error("a file is made for a source that is a directory")
	}
	k = &fakeKernel{tree: map[string]uint64{"": unix.S_IFREG}} // the source, as statx sees it
	k.run(t, birth.Program)
	if !slices.Contains(k.trace, "mknodat hosts") || slices.Contains(k.trace, "mkdirat hosts") {
		t.Errorf("no file is made for a source that is a file: %q", k.trace)
	}
}

// TestMountFailure makes sure that the kernel's words are read, and that the
// failure is that of the mount.
func TestMountFailure(t *testing.T) {
	birth := compiled(t, defaultInput())
	k := &fakeKernel{all: true, fail: func(name, _ string) unix.Errno {
		if name == "fsconfig" {
			return unix.EINVAL
		}
		return 0
	}}
	k.run(t, birth.Program)
	n := len(k.trace)
	if got := fmt.Sprint(k.trace[n-3:]); got != "[fsconfig read exit_group]" {
		t.Errorf("the last calls are %s", got)
	}
}
