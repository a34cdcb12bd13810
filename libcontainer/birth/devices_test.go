package birth

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/spec"
)

// TestHostsDev: where /dev is the host's, nothing is made in it, whatever words call it a
// bind mount, and the user is told of what the configuration names.
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
		{specs.Mount{Options: []string{"remount", "bind", "ro"}}, true},
		{specs.Mount{Options: []string{"remount", "ro"}}, false},
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
			if user && birth.Sources != nil {
				k.run(t, birth.Sources[0])
			}
			want := 0
			if !c.hosts {
				want = 1 + len(defaultDevices)
			}
			told := slices.ContainsFunc(birth.Warnings, func(w string) bool { return strings.Contains(w, "/dev/fuse") })
			if told != c.hosts {
				t.Errorf("%+v: warnings %q", c.mount, birth.Warnings)
			}
			if nodes := count(k.trace, "mknodat "); nodes != want || (links == 0) != c.hosts {
				t.Errorf("%+v, user namespace %v: %d nodes and %d links are made", c.mount, user, nodes, links)
			}
		}
	}
}

// TestOnBind: the last mount that covers a path decides whose it is.
func TestOnBind(t *testing.T) {
	bind := func(to string) specs.Mount { return specs.Mount{Destination: to, Type: "bind", Source: "/src"} }
	tmpfs := func(to string) specs.Mount { return specs.Mount{Destination: to, Type: "tmpfs", Source: "tmpfs"} }
	for _, c := range []struct {
		path   string
		mounts []specs.Mount
		want   bool
	}{
		{"/dev", nil, false},
		{"/dev", []specs.Mount{bind("/")}, false}, // refused elsewhere
		{"/data/sub", []specs.Mount{bind("/data")}, true},
		{"/data2", []specs.Mount{bind("/data")}, false},
		{"/data", []specs.Mount{bind("/data/sub")}, false},
		{"/data/sub", []specs.Mount{bind("/data"), tmpfs("/data/sub")}, false},
		{"/data/sub", []specs.Mount{bind("/data/sub"), tmpfs("/data")}, false},
		{"/data/sub", []specs.Mount{tmpfs("/data"), bind("/data/sub")}, true},
		{"/data", []specs.Mount{bind("/data"), {Destination: "/data", Options: []string{"remount", "ro"}}}, true},
	} {
		mounts, _ := Mounts(&specs.Spec{Mounts: c.mounts}, "/bundle")
		if got := onBind(mounts, c.path); got != c.want {
			t.Errorf("%s with %+v: %v", c.path, c.mounts, got)
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

func TestExistingDevices(t *testing.T) {
	s := spec.Default()
	s.Mounts, s.Process.Terminal = nil, false
	s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/sub/fuse", Type: "c", Major: 10, Minor: 229}}
	birth := compiled(t, inputFor(s))
	for _, c := range []struct {
		what  string
		mode  uint64
		rdev  uint64
		errno unix.Errno
	}{
		{"the device itself", unix.S_IFCHR | 0o600, 10 | 229<<32, 0},
		{"another device", unix.S_IFCHR | 0o600, 10 | 230<<32, unix.EEXIST},
		{"a block device", unix.S_IFBLK | 0o600, 10 | 229<<32, unix.EEXIST},
		{"a file", unix.S_IFREG | 0o600, 0, unix.EEXIST},
		{"a symlink", unix.S_IFLNK | 0o777, 0, unix.EEXIST},
	} {
		k := &fakeKernel{
			tree: map[string]uint64{"dev": unix.S_IFDIR, "dev/sub": unix.S_IFDIR, "dev/sub/fuse": c.mode},
			rdev: map[string]uint64{"dev/sub/fuse": c.rdev},
		}
		k.run(t, birth.Program)
		if c.errno == 0 {
			if k.report.Failed >= 0 {
				t.Errorf("%s: %v", c.what, birth.Program.Failure(k.report))
			}
			continue
		}
		want := "checking that the existing /dev/sub/fuse is the device that the config describes: test: file exists"
		if err := birth.Program.Failure(k.report); err == nil || err.Error() != want || k.report.Errno != c.errno {
			t.Errorf("%s: %v, want %s", c.what, err, want)
		}
	}
}

// TestDeviceList: a device of the configuration takes the place of a default one, however
// its path is written, and its node has the owner that the user namespace sees.
func TestDeviceList(t *testing.T) {
	s := spec.Default()
	s.Mounts, s.Process.Terminal = nil, false
	s.Linux.Devices = []specs.LinuxDevice{
		{Path: "/dev//./null", Type: "c", Major: 1, Minor: 3, UID: pointer(uint32(5))},
		{Path: "/dev/pipe", Type: "p"},
	}
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: 100000, Size: 10}}
	s.Linux.GIDMappings = []specs.LinuxIDMapping{{HostID: 200000, Size: 10}}
	list, err := Devices(s, nil)
	if err != nil || len(list) != len(defaultDevices)+1 {
		t.Fatal(list, err)
	}
	if d := list[0]; d.Property != "linux.devices[0]" || d.Target != "/dev/null" || !d.Bound {
		t.Errorf("%+v", d)
	}
	if d := list[1]; d.Property != "linux.devices[1]" || d.Bound {
		t.Errorf("%+v", d)
	}
	if d := list[2]; d.Property != "" || d.Target != "/dev/zero" || !d.Bound {
		t.Errorf("%+v", d)
	}
	lines := linesOf(t, compiled(t, inputFor(s)).Sources[0])
	i := slices.IndexFunc(lines, func(l line) bool { return l.name == "fchownat" })
	if got := lines[i].args[2:4]; !slices.Equal(got, []string{"100005", "200000"}) {
		t.Errorf("the owner of the node is %q", got)
	}
}
