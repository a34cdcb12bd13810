package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

func pidsLimit(n int64) bundle.Change {
	return resources(func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: &n} })
}

// A container that has as many processes as it may, by its own limit or a parent's, takes one
// more from outside, which is counted: it cannot fork.
func TestExecInFullCgroup(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string][]bundle.Change{
		"limit 1": {pidsLimit(1)},
		"limit 2": {pidsLimit(2)},
		"user": {pidsLimit(1), func(s *specs.Spec) {
			s.Process.User = specs.User{UID: 1000, GID: 1000}
		}},
		"user namespace": {pidsLimit(1), func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: 100000, Size: 65536}}
			s.Linux.GIDMappings = s.Linux.UIDMappings
		}},
		"full parent": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, append(changes, bundle.Args("sleep", "1000"))...)
			if changes == nil {
				pod := c.Cgroup
				t.Cleanup(func() {
					c.Delete("--force").OK()
					if _, err := bundle.RemoveCgroups(pod); err != nil {
						t.Error(err)
					}
				})
				c.Cgroup += "/container"
				c.Configure(bundle.Args("sleep", "1000"))
			}
			c.Run("--detach").OK()
			if changes == nil {
				write(t, filepath.Join(filepath.Dir(cgroupFile(t, c, "pids.max")), "../pids.max"), "1")
			}
			for _, flags := range [][]string{nil, {"--tty"}} {
				r := c.Exec(flags, "sh", "-c", "echo in; (true); :")
				if !strings.HasPrefix(r.Stdout, "in") || !strings.Contains(r.Stdout+r.Stderr, "can't fork") {
					t.Errorf("exec %v: %s, status %d: %q", flags, r, r.Code, r.Stdout+r.Stderr)
				}
			}
			c.Exec([]string{"--detach", "--pid-file", filepath.Join(c.Dir, "pid")}, "sleep", "1000").OK()
			pid := read(t, filepath.Join(c.Dir, "pid"))
			if got := read(t, "/proc/"+pid+"/cgroup"); !strings.Contains(got,
				"/"+strings.TrimPrefix(c.Cgroup, "/")+"\n") {
				t.Errorf("the process is in\n%s", got)
			}
		})
	}
	t.Cleanup(func() {
		own := ""
		for _, line := range strings.Split(read(t, "/proc/self/cgroup"), "\n") {
			if _, path, found := strings.Cut(line, ":pids:"); found {
				own = path
			}
		}
		left, err := filepath.Glob(filepath.Join(hierarchy(t, "pids"), own, "rung-detour-*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left: %q, %v", left, err)
		}
	})
}

// So does the program of a startContainer hook.
func TestHookInFullCgroup(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, pidsLimit(1), bundle.Args("cat", "/ran"), func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/sh",
			Args: []string{"sh", "-c", "echo yes >/ran"}}}}
	})
	if err := os.Chmod(c.Path("."), 0o777); err != nil {
		t.Fatal(err)
	}
	c.Run().OK().Prints("yes")
}
