package birth

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

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

// TestHostsDev: where /dev is the host's, nothing is made in it but what the
// configuration names, whatever words call it a bind mount.
func TestHostsDev(t *testing.T) {
	for _, c := range []struct {
		mount specs.Mount
		hosts bool
	}{
		{specs.Mount{Type: "tmpfs"}, false},
		{specs.Mount{Type: "devtmpfs"}, false},
		{specs.Mount{Type: "bind"}, true},
		{specs.Mount{Type: "rbind"}, true},
		{specs.Mount{Type: "none", Options: []string{"rbind"}}, true},
		{specs.Mount{Destination: "dev/", Type: "bind"}, true},
		{specs.Mount{Destination: "/x/../dev", Options: []string{"bind"}}, true},
		{specs.Mount{Destination: "/dev/x", Type: "bind"}, false},
		{specs.Mount{Destination: "/devices", Type: "bind"}, false},
	} {
		if c.mount.Destination == "" {
			c.mount.Destination = "/dev"
		}
		c.mount.Source = "/dev"
		for _, user := range []bool{false, true} {
			s := spec.Default()
			s.Mounts, s.Process.Terminal = []specs.Mount{c.mount}, false
			s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229}}
			if user {
				s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			}
			birth := compiled(t, inputFor(s))
			k := &fakeKernel{all: true}
			k.run(t, birth.Program)
			links := count(k.trace, "symlinkat ")
			if user {
				k.run(t, birth.Sources)
			}
			want := 1 // the one of the configuration
			if !c.hosts {
				want += len(defaultDevices)
			}
			if nodes := count(k.trace, "mknodat "); nodes != want || (links == 0) != c.hosts {
				t.Errorf("%+v, user namespace %v: %d nodes and %d links are made", c.mount, user, nodes, links)
			}
		}
	}
}

// count counts the calls of a name.
func count(trace []string, name string) (n int) {
	for _, call := range trace {
		if strings.HasPrefix(call, name) {
			n++
		}
	}
	return n
}
