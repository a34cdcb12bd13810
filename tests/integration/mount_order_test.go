package integration

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// A tmpfs becomes read-only when all that it is to have is there: mount points, also those
// that a symlink of the image leads to, devices, the terminal's, and the working directory.
func TestReadOnlyTmpfsTakesMountPoints(t *testing.T) {
	t.Parallel()
	c := bundle.New(t,
		bundle.Shell("cat /mnt/a/passwd /mnt/b/c; ls -d /mnt/cwd /dev/null; touch /mnt/x /dev/x /dir/x 2>&1; "+
			"cat /proc/self/mountinfo"),
		func(s *specs.Spec) {
			for i := range s.Mounts {
				if s.Mounts[i].Destination == "/dev" {
					s.Mounts[i].Options = append(s.Mounts[i].Options, "ro")
				}
			}
			s.Process.Cwd = "/mnt/cwd"
		},
		bundle.Mount(specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs",
			Options: []string{"ro", "mode=755"}}),
		bundle.Mount(specs.Mount{Destination: "/dir", Type: "tmpfs", Source: "tmpfs", Options: []string{"rro"}}),
		bundle.Mount(specs.Mount{Destination: "/mnt/a/passwd", Source: "/etc/hostname", Options: []string{"bind"}}),
		bundle.Mount(specs.Mount{Destination: "/link/c", Source: "/etc/hostname", Options: []string{"bind"}}))
	host(t, "ln", "-s", "mnt/b", c.Path("link"))
	name := host(t, "cat", "/etc/hostname")
	out := c.Run().OK().Stdout
	for _, p := range []string{"/mnt", "/dev", "/dir"} {
		if m := findMount(t, out, p); m.fstype != "tmpfs" || !has(m.options, "ro") {
			t.Errorf("%s: %+v", p, m)
		}
	}
	want := name + "\n" + name + "\n/dev/null\n/mnt/cwd\n"
	for _, p := range []string{"/mnt/x", "/dev/x", "/dir/x"} {
		want += "touch: " + p + ": Read-only file system\n"
	}
	if len(out) < len(want) || out[:len(want)] != want {
		t.Errorf("got %s\nwant %s…", out, want)
	}
}

// A tmpfs has the mode of the directory that it covers. Where the image has none it is for
// everybody, whatever its other options; what was made for it in the image is not.
func TestTmpfsModes(t *testing.T) {
	t.Parallel()
	for _, options := range [][]string{nil, {"size=1m"}, {"tmpcopyup"}, {"ro", "size=1m"}, {"mode=700"}} {
		c := bundle.New(t, bundle.Shell("stat -c %a /new/dir /old"),
			bundle.Mount(specs.Mount{Destination: "/new/dir", Type: "tmpfs", Source: "tmpfs", Options: options}),
			bundle.Mount(specs.Mount{Destination: "/old", Type: "tmpfs", Source: "tmpfs", Options: options}))
		host(t, "mkdir", "-m", "750", c.Path("old"))
		want := "1777\n750"
		if len(options) > 0 && options[0] == "mode=700" {
			want = "700\n700"
		}
		c.Run().OK().Prints(want)
		if got := host(t, "stat", "-c", "%a", c.Path("new/dir")); got != "755" {
			t.Errorf("%v: the image's directory has mode %s", options, got)
		}
	}
}

// Flags that a bind mount's options say replace those of its source. Where they say none, and
// where a user namespace locks them, they stay; what is asked for and locked is named.
func TestBindOptionsReplace(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	mounted(t, dir+"/src", "-t", "tmpfs", "-o", "nosuid,nodev,noexec,noatime,mode=755", "none")
	mounted(t, dir+"/src/below", "-t", "tmpfs", "-o", "noexec", "none")
	mounted(t, dir+"/ro", "-t", "tmpfs", "-o", "ro", "none")
	for _, test := range []struct {
		source  string
		options []string
		users   bool
		want    string // of the mount, or a part of the error
	}{
		{"src", []string{"rbind", "rprivate", "rw"}, false, "!noexec,!nosuid,!nodev,noatime,rw"},
		{"src", []string{"rbind", "ro"}, false, "!noexec,!nosuid,!nodev,noatime,ro"},
		{"src", []string{"rbind", "nosuid", "relatime"}, false, "!noexec,nosuid,!nodev,!noatime,relatime"},
		{"src", []string{"rbind", "rprivate"}, false, "noexec,nosuid,nodev,noatime,rw"},
		{"src", []string{"rbind", "rw"}, true, "noexec,nosuid,nodev,noatime,rw"},
		{"ro", []string{"rbind", "nosuid", "rslave"}, true, "ro,nosuid"},
		{"ro", []string{"rbind", "rw"}, true, "ro or rw"},
		{"src", []string{"rbind", "exec"}, true, "exec or noexec"},
		{"src", []string{"rbind", "relatime"}, true, "access time"},
		{"src", []string{"rbind", "rexec"}, true, "recursive options"},
	} {
		changes := []bundle.Change{bundle.Shell("cat /proc/self/mountinfo"),
			bundle.Mount(specs.Mount{Destination: "/mnt", Source: dir + "/" + test.source, Options: test.options})}
		if test.users {
			changes = append(changes, userNamespace(100000))
		}
		c := bundle.New(t, changes...)
		if strings.Contains(test.want, " ") {
			c.Run().Fails("mounts[", "/mnt", test.want, "operation not permitted")
			continue
		}
		out := c.Run().OK().Stdout
		if m := findMount(t, out, "/mnt"); !has(m.options, strings.Split(test.want, ",")...) {
			t.Errorf("%v: %s, want %s", test.options, m.options, test.want)
		}
		if test.source == "src" {
			if m := findMount(t, out, "/mnt/below"); !has(m.options, "noexec") {
				t.Errorf("%v: below it is %s", test.options, m.options)
			}
		}
	}
}

// A user namespace need not have an id 0: its only user is the process's. One that has no
// ids is refused with the name of the property.
func TestUserNamespaceWithoutRoot(t *testing.T) {
	t.Parallel()
	for _, size := range []uint32{1, 10} {
		c := bundle.New(t, userNamespace(100000), func(s *specs.Spec) {
			ids := []specs.LinuxIDMapping{{ContainerID: 1000, HostID: 100000, Size: size}}
			s.Linux.UIDMappings, s.Linux.GIDMappings = ids, ids
			s.Process.User = specs.User{UID: 1000, GID: 1000}
			s.Process.Capabilities = nil
			for i := range s.Mounts { // its group is none of theirs
				s.Mounts[i].Options = slices.DeleteFunc(s.Mounts[i].Options, func(o string) bool {
					return o == "gid=5"
				})
			}
		}, bundle.Shell("id -u; id -g; stat -c %u:%a /copy/f; exec sleep 100"),
			bundle.Mount(specs.Mount{Destination: "/copy", Type: "tmpfs", Source: "tmpfs",
				Options: []string{"tmpcopyup"}}))
		host(t, "mkdir", c.Path("copy"))
		host(t, "touch", c.Path("copy/f"))
		host(t, "chown", "-R", "100000:100000", c.Path("copy"))
		c.Create().OK()
		c.Start().OK()
		c.Exec(nil, "id", "-u").OK().Prints("1000")
	}
	c := bundle.New(t, userNamespace(100000), func(s *specs.Spec) {
		s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
	})
	c.Run().Fails("linux.uidMappings", "needs it")
}

// A bind mount's source may lie on an earlier mount of the container, also where a user
// namespace has it opened by somebody else.
func TestSourceOnAnEarlierMount(t *testing.T) {
	t.Parallel()
	for _, users := range []bool{false, true} {
		dir := newDir(t)
		host(t, "sh", "-c", "echo earlier >"+dir+"/f; chmod 644 "+dir+"/f")
		change := bundle.Change(func(*specs.Spec) {})
		if users {
			change = userNamespace(100000)
		}
		c := bundle.New(t)
		host(t, "mkdir", c.Path("a"))
		host(t, "sh", "-c", "echo image >"+c.Path("a/f"))
		c.Configure(change, bundle.Shell("cat /mnt/f"),
			bundle.Mount(specs.Mount{Destination: "/a", Source: dir, Options: []string{"bind"}}),
			bundle.Mount(specs.Mount{Destination: "/mnt", Source: c.Path("a"), Options: []string{"rbind"}}))
		c.Run().OK().Prints("earlier")
	}
}
