package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

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
			h, c := bundle.NewStandIn(t), bundle.New(t, rights, change, bundle.Args("vandal"))
			c.Vandal()
			write(t, c.Path("etc/file"), "text")
			if name == "user namespace" {
				host(t, "chown", "-R", "100000:100000", c.Path("."))
			}
			before := h.Inodes()
			unchanged := func(what string) {
				t.Helper()
				if _, err := os.Stat(c.Path("tried")); err != nil && name != "read-only root" {
					t.Errorf("%s: vandal did not come to its end: %v", what, err)
				}
				os.Remove(c.Path("tried"))
				after := h.Inodes()
				if after != before {
					t.Errorf("%s: the host had\n%sand has\n%s", what, before, after)
				}
				before = after
			}
			h.Call(c, "run", "--bundle", c.Bundle, c.ID).OK()
			unchanged("run")
			h.Call(c, "create", "--bundle", c.Bundle, c.ID).OK()
			c.Start().OK()
			c.WaitStatus(specs.StateStopped)
			unchanged("create")
			c.Delete().OK()
			c.Configure(rights, change, bundle.Args("sleep", "1000"))
			h.Call(c, "create", "--bundle", c.Bundle, c.ID).OK()
			c.Start().OK()
			h.Call(c, "exec", c.ID, "vandal").OK()
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
		h, data := bundle.NewStandIn(t), newCanary(t)
		for _, point := range []string{"pts", "shm", "mqueue"} {
			if err := os.Mkdir(filepath.Join(h.Dir, point), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		c := bundle.New(t, change, func(s *specs.Spec) {
			i := slices.IndexFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == "/dev" })
			s.Mounts[i] = specs.Mount{Destination: "/dev", Source: h.Dir, Options: []string{"bind"}}
		}, bundle.Mount(specs.Mount{Destination: "/data", Source: data.dir, Options: []string{"rbind"}}),
			bundle.Shell("head -c 3 /opt/zero | wc -c; ls -d /dev/* /data/*"))
		before := h.Inodes()
		var flags []string
		if bundle.Spec(change).Process.Terminal {
			flags = []string{"--console-socket", listen(t, c.Dir).path}
		} else {
			host(t, "chown", "-R", "100000:100000", c.Path("."))
		}
		created := c.Create(flags...).OK()
		c.Start().OK()
		c.WaitStatus(specs.StateStopped)
		if after := h.Inodes(); after != before {
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
		h, c := bundle.NewStandIn(t), bundle.New(t, change, bundle.Shell(script))
		if r := h.Call(c, "run", "--bundle", c.Bundle, c.ID).OK(); !strings.Contains(r.Stderr, "ready") {
			t.Errorf("run: %s", r.Stderr)
		}
		c.Configure(change, bundle.Args("sleep", "1000"))
		c.Create().OK()
		c.Start().OK()
		if r := h.Call(c, "exec", c.ID, "sh", "-c", script).OK(); !strings.Contains(r.Stderr, "ready") {
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
	h, c := bundle.NewStandIn(t), running(t, "rm /dev/null; echo text >/dev/null; "+idle)
	refused := func() {
		t.Helper()
		if r := h.Call(c, "exec", c.ID, "true"); r.Code != 255 || !strings.Contains(r.Stderr, "/dev/null") {
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
