// Package integration tests rung on real containers, as root. Which runtime is
// tested, and how a test is written, says package bundle.
package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

func TestMain(m *testing.M) { bundle.Main(m) }

// printed runs a shell script in a container and returns what it prints.
func printed(t *testing.T, script string, changes ...bundle.Change) string {
	t.Helper()
	c := bundle.New(t, append([]bundle.Change{bundle.Shell(script)}, changes...)...)
	return strings.TrimSpace(c.Run().OK().Stdout)
}

// running starts a container whose script ends its preparations with printing
// "ready", and waits for that.
func running(t *testing.T, script string, changes ...bundle.Change) *bundle.Container {
	t.Helper()
	c := bundle.New(t, append([]bundle.Change{bundle.Shell(script)}, changes...)...)
	start(t, c)
	return c
}

// start creates and starts a container that prints "ready", and returns the
// create, whose output is the container's.
func start(t *testing.T, c *bundle.Container) bundle.Result {
	t.Helper()
	created := c.Create().OK()
	c.Start().OK()
	waitReady(t, created)
	return created
}

func waitReady(t *testing.T, r bundle.Result) {
	t.Helper()
	bundle.Eventually(t, `"ready" in the container's output`, func() bool {
		stdout, _ := r.Output()
		return strings.Contains(stdout, "ready\n")
	})
}

// descriptors is a script that prints which descriptors the shell has, without
// opening one.
const descriptors = `n=0; while [ $n -lt 64 ]; do [ -L /proc/$$/fd/$n ] && printf "$n "; n=$((n+1)); done; echo;`

// idle is a script for [running] that only waits.
const idle = "echo ready; exec sleep 1000"

// host runs a command of the machine and returns what it prints.
func host(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// mounted mounts on the host for the rest of the test: in the mount namespace
// that the tests have for themselves.
func mounted(t *testing.T, target string, args ...string) {
	t.Helper()
	if err := os.MkdirAll(target, 0o755); err != nil {
		t.Fatal(err)
	}
	host(t, "mount", append(args, target)...)
	t.Cleanup(func() { host(t, "umount", "--lazy", "--recursive", target) })
}

// newDir makes a directory for what a test has beside its containers. Unlike
// that of T.TempDir, anybody may enter it.
func newDir(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir, err := os.MkdirTemp(bundle.Scratch(), "test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host(t, "rm", "-rf", "--one-file-system", dir) })
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// create makes an empty file, for output.
func create(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// userNamespace gives a container a user namespace whose ids 0 to 65535 are
// those of the host from first on.
func userNamespace(first uint32) bundle.Change {
	return func(s *specs.Spec) {
		bundle.Namespace(specs.UserNamespace, "")(s)
		ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: first, Size: 65536}}
		s.Linux.UIDMappings, s.Linux.GIDMappings = ids, ids
	}
}

// all joins changes.
func all(changes ...bundle.Change) bundle.Change {
	return func(s *specs.Spec) {
		for _, change := range changes {
			change(s)
		}
	}
}
