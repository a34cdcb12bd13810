package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

// vandal builds the program of that name.
var vandal = sync.OnceValues(func() (string, error) {
	path := filepath.Join(bundle.Scratch(), "vandal")
	build := exec.Command("go", "build", "-o", path, "../vandal")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("building vandal: %w: %s", err, out)
	}
	return path, err
})

// A standIn stands for the host: what the container gets of it are nodes and files of the
// test, in a directory that is mounted over /dev wherever the runtime is called.
type standIn struct {
	t   *testing.T
	dir string
}

func newStandIn(t *testing.T) *standIn {
	h := &standIn{t, filepath.Join(newDir(t), "dev")}
	mounted(t, h.dir, "-t", "tmpfs", "tmpfs")
	for name, minor := range map[string]uint32{"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9} {
		node := filepath.Join(h.dir, name)
		if err := unix.Mknod(node, unix.S_IFCHR|0o666, int(unix.Mkdev(1, minor))); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(node, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// calls are the runtime's commands with the stand-in's /dev, and its null as standard input and
// output.
func (h *standIn) calls(c *bundle.Container, args ...string) bundle.Result {
	h.t.Helper()
	cmd := c.Command(args...)
	cmd.Args = append([]string{"unshare", "--mount", "--propagation", "private", "sh", "-c",
		`mount --bind "$0" /dev && exec "$@" <"$0/null" >"$0/null"`, h.dir}, cmd.Args...)
	path, err := exec.LookPath("unshare")
	if err != nil {
		h.t.Skip(err)
	}
	cmd.Path = path
	return c.Wait(cmd)
}

// inodes are all facts about the stand-in's inodes.
func (h *standIn) inodes() string {
	h.t.Helper()
	var b strings.Builder
	names, err := os.ReadDir(h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, n := range names {
		var st unix.Stat_t
		path, xattrs := filepath.Join(h.dir, n.Name()), make([]byte, 1024)
		if err := unix.Lstat(path, &st); err != nil {
			h.t.Fatal(err)
		}
		n, _ := unix.Listxattr(path, xattrs)
		fmt.Fprintf(&b, "%s: mode %o owner %d:%d size %d, modified %v, changed %v, attributes %q\n", path, st.Mode, st.Uid,
			st.Gid, st.Size, st.Mtim, st.Ctim, xattrs[:max(n, 0)])
	}
	return b.String()
}

// Nothing that the container gets of the host without having been named in its configuration
// is its root's to change, neither below / nor by a descriptor.
func TestInodesOfTheHost(t *testing.T) {
	t.Parallel()
	rights := capabilities("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_SETFCAP")
	hooks := func(s *specs.Spec) { s.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/vandal"}}} }
	for name, change := range map[string]bundle.Change{
		"root":             func(*specs.Spec) {},
		"read-only root":   func(s *specs.Spec) { s.Root.Readonly = true },
		"user namespace":   userNamespace(100000),
		"mapped to itself": userNamespace(0),
		"a hook":           hooks,
		"a masked file":    func(s *specs.Spec) { s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/etc/file") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, c := newStandIn(t), bundle.New(t, rights, change, bundle.Args("vandal"))
			path, err := vandal()
			if err != nil {
				t.Fatal(err)
			}
			host(t, "cp", path, c.Path("bin/vandal"))
			write(t, c.Path("etc/file"), "text")
			if name == "user namespace" {
				host(t, "chown", "-R", "100000:100000", c.Path("."))
			}
			before := h.inodes()
			unchanged := func(what string) {
				t.Helper()
				if _, err := os.Stat(c.Path("tried")); err != nil && name != "read-only root" {
					t.Errorf("%s: vandal did not come to its end: %v", what, err)
				}
				os.Remove(c.Path("tried"))
				after := h.inodes()
				if after != before {
					t.Errorf("%s: the host had\n%sand has\n%s", what, before, after)
				}
				before = after
			}
			h.calls(c, "run", "--bundle", c.Bundle, c.ID).OK()
			unchanged("run")
			h.calls(c, "create", "--bundle", c.Bundle, c.ID).OK()
			c.Start().OK()
			c.WaitStatus(specs.StateStopped)
			unchanged("create")
			c.Delete().OK()
			c.Configure(rights, change, bundle.Args("sleep", "1000"))
			h.calls(c, "create", "--bundle", c.Bundle, c.ID).OK()
			c.Start().OK()
			h.calls(c, "exec", c.ID, "vandal").OK()
			unchanged("exec")
		})
	}
}

// In a directory of the host that is bound, nothing is made: no devices, those of the
// configuration or the default ones, no links, no /dev/console.
func TestBoundDirectoriesAreTheHosts(t *testing.T) {
	t.Parallel()
	devices := func(s *specs.Spec) {
		s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/kmsg", Type: "c", Major: 1, Minor: 11},
			{Path: "/data/new/zero", Type: "c", Major: 1, Minor: 5}, {Path: "/opt/zero", Type: "c", Major: 1, Minor: 5}}
	}
	for _, change := range []bundle.Change{devices, all(devices, terminal), all(devices, userNamespace(100000))} {
		h, data := newStandIn(t), newCanary(t)
		for _, point := range []string{"pts", "shm", "mqueue"} {
			if err := os.Mkdir(filepath.Join(h.dir, point), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		c := bundle.New(t, change, func(s *specs.Spec) {
			i := slices.IndexFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == "/dev" })
			s.Mounts[i] = specs.Mount{Destination: "/dev", Source: h.dir, Options: []string{"bind"}}
		}, bundle.Mount(specs.Mount{Destination: "/data", Source: data.dir, Options: []string{"rbind"}}),
			bundle.Shell("head -c 3 /opt/zero | wc -c; ls -d /dev/* /data/*"))
		before := h.inodes()
		var flags []string
		if bundle.Spec(change).Process.Terminal {
			flags = []string{"--console-socket", listen(t, c.Dir).path}
		} else {
			host(t, "chown", "-R", "100000:100000", c.Path("."))
		}
		created := c.Create(flags...).OK()
		c.Start().OK()
		c.WaitStatus(specs.StateStopped)
		if after := h.inodes(); after != before {
			t.Errorf("/dev was\n%sand is\n%s", before, after)
		}
		if after := data.look(t); after != data.before {
			t.Errorf("/data was\n%sand is\n%s", data.before, after)
		}
		if !strings.Contains(created.Stderr, "/dev/kmsg") {
			t.Errorf("nothing is said of /dev/kmsg: %s", created.Stderr)
		}
	}
}

// A stream that is /dev/null is the container's own, to read and to write, whatever the
// caller's can.
func TestOwnNull(t *testing.T) {
	t.Parallel()
	const script = "set -e; echo x >&0; cat <&1; cd /dev; for fd in 0 1; do [ -c /proc/self/fd/$fd ]; " +
		"[ $(stat -Lc %d /proc/$$/fd/$fd) = $(stat -c %d null) ]; done; echo ready >&2"
	for _, change := range []bundle.Change{func(*specs.Spec) {}, user(1000), userNamespace(100000),
		all(userNamespace(100000), user(1000))} {
		h, c := newStandIn(t), bundle.New(t, change, bundle.Shell(script))
		if r := h.calls(c, "run", "--bundle", c.Bundle, c.ID).OK(); !strings.Contains(r.Stderr, "ready") {
			t.Errorf("run: %s", r.Stderr)
		}
		c.Configure(change, bundle.Args("sleep", "1000"))
		c.Create().OK()
		c.Start().OK()
		if r := h.calls(c, "exec", c.ID, "sh", "-c", script).OK(); !strings.Contains(r.Stderr, "ready") {
			t.Errorf("exec: %s", r.Stderr)
		}
	}
}

func user(id uint32) bundle.Change {
	return func(s *specs.Spec) { s.Process.User.UID, s.Process.User.GID = id, id }
}

// An image whose /dev/null was replaced gets neither the host's nor what it has there.
func TestFalseNull(t *testing.T) {
	t.Parallel()
	h, c := newStandIn(t), running(t, "rm /dev/null; echo text >/dev/null; "+idle)
	refused := func() {
		t.Helper()
		if r := h.calls(c, "exec", c.ID, "true"); r.Code != 255 || !strings.Contains(r.Stderr, "/dev/null") {
			t.Errorf("exit status %d, %s", r.Code, r.Stderr)
		}
	}
	refused()
	cmd := c.Command("exec", c.ID, "sh", "-c", "rm /dev/null; mkfifo /dev/null")
	cmd.Stdin = strings.NewReader("")
	c.Wait(cmd).OK()
	refused()
}

// The caller's files keep their owner, whatever they were opened for.
func TestFilesKeepTheirOwner(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]bundle.Change{
		"user": user(1000), "user namespace": userNamespace(100000), "both": all(userNamespace(100000), user(1000)),
	} {
		c := bundle.New(t, change, bundle.Args("cat"))
		input, output := filepath.Join(c.Dir, "input"), filepath.Join(c.Dir, "output")
		write(t, input, "text")
		write(t, output, "")
		called := func(args ...string) {
			t.Helper()
			cmd, err := c.Command(args...), error(nil)
			if cmd.Stdin, err = os.Open(input); err != nil {
				t.Fatal(err)
			}
			if cmd.Stdout, err = os.OpenFile(output, os.O_WRONLY|os.O_TRUNC, 0); err != nil {
				t.Fatal(err)
			}
			c.Wait(cmd).OK()
			if args[0] == "create" {
				c.Start().OK()
				c.WaitStatus(specs.StateStopped)
				c.Delete().OK()
			}
			if got := read(t, output); got != "text" {
				t.Errorf("%s, %s: the output is %q", name, args[0], got)
			}
			for _, file := range []string{input, output} {
				if owner := host(t, "stat", "-c", "%u:%a", file); owner != "0:755" {
					t.Errorf("%s, %s: %s is %s, not root's", name, args[0], file, owner)
				}
				host(t, "chown", "0:0", file)
			}
		}
		called("run", "--bundle", c.Bundle, c.ID)
		called("create", "--bundle", c.Bundle, c.ID)
		c.Configure(change, bundle.Args("sleep", "1000"))
		c.Create().OK()
		c.Start().OK()
		called("exec", c.ID, "cat")
	}
}
