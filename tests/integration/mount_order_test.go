package integration

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// A tmpfs becomes read-only when all that it is to have is there: mount points, also those
// that a symlink of the image leads to, devices, the terminal's, and the working directory.
func TestReadOnlyTmpfsTakesMountPoints(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("cat /mnt/a/passwd /mnt/b/c; ls -d /mnt/cwd /dev/null; touch /mnt/x /dev/x /dir/x 2>&1; "+
		"cat /proc/self/mountinfo"),
		func(s *specs.Spec) {
			for i := range s.Mounts {
				if s.Mounts[i].Destination == "/dev" {
					s.Mounts[i].Options = append(s.Mounts[i].Options, "ro")
				}
			}
			s.Process.Cwd = "/mnt/cwd"
		},
		bundle.Mount(specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs", Options: []string{"ro", "mode=755"}}),
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
