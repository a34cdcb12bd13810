package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

// These tests are about containers on cgroup v2 alone, on its files.

const unifiedRoot = "/sys/fs/cgroup"

// pod makes a parent cgroup, with the controllers for its children, and a container in it whose
// script prints "ready".
func pod(t *testing.T, controllers, script string, changes ...bundle.Change) (c *bundle.Container, parent string) {
	t.Helper()
	if !unifiedOnly() {
		t.Skip("needs cgroup v2 alone")
	}
	c = bundle.New(t, append([]bundle.Change{bundle.Shell(script)}, changes...)...)
	if bundle.Systemd() {
		t.Skip("needs the driver of files")
	}
	parent = filepath.Join(unifiedRoot, c.Cgroup)
	t.Cleanup(func() {
		c.Delete("--force").OK()
		if _, err := bundle.RemoveCgroups(strings.TrimPrefix(parent, unifiedRoot)); err != nil {
			t.Error(err)
		}
	})
	if err := os.MkdirAll(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	for controller := range strings.FieldsSeq(controllers) {
		for dir := parent; strings.HasPrefix(dir, unifiedRoot); dir = filepath.Dir(dir) {
			defer func() { // from the top on
				if err := os.WriteFile(dir+"/cgroup.subtree_control", []byte("+"+controller), 0); err != nil {
					t.Fatal(err)
				}
			}()
		}
	}
	c.Cgroup += "/container"
	c.Configure(append([]bundle.Change{bundle.Shell(script), func(s *specs.Spec) { s.Linux.CgroupsPath = c.Cgroup }},
		changes...)...)
	return c, parent
}

// ownCgroups gives a container a cgroup namespace, and mounts its cgroups with the options.
func ownCgroups(options ...string) bundle.Change {
	return all(bundle.Namespace(specs.CgroupNamespace, ""), shownCgroups(options...))
}

func shownCgroups(options ...string) bundle.Change {
	return func(s *specs.Spec) {
		for i := range s.Mounts {
			if s.Mounts[i].Type == "cgroup" {
				s.Mounts[i].Options = options
			}
		}
	}
}

// A process of a container that has no room for one, by its own limit or a parent's, gets in, and
// nothing is left of the way that it has taken (v2-checks 31).
func TestUnifiedFull(t *testing.T) {
	t.Parallel()
	c, parent := pod(t, "pids", idle)
	start(t, c)
	container := parent + "/container"
	for _, full := range []string{container, parent} {
		write(t, full+"/pids.max", "1")
		for range 3 {
			c.Exec(nil, "grep", "0::", "/proc/self/cgroup").OK().Prints("0::" + c.Cgroup)
		}
		if r := c.Exec(nil, "sh", "-c", "(true); :"); !strings.Contains(r.Stderr, "can't fork") {
			t.Errorf("%s: status %d: %q", r, r.Code, r.Stderr)
		}
		write(t, full+"/pids.max", "max")
	}
	for _, dir := range []string{parent, filepath.Dir(parent)} {
		if left, _ := filepath.Glob(dir + "/rung-detour-*"); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	}
}

// So does the first process of a container in a parent that is full, and one that may have no process.
func TestUnifiedBornInFullParent(t *testing.T) {
	t.Parallel()
	c, parent := pod(t, "pids", "grep 0:: /proc/self/cgroup", ownCgroups("ro"))
	write(t, parent+"/pids.max", "0")
	c.Run().OK().Prints("0::/")
}

// A process that is to wait until a container goes on waits in its cgroup, and rung can be ended
// meanwhile.
func TestUnifiedExecInPaused(t *testing.T) {
	t.Parallel()
	c, _ := pod(t, "", idle)
	start(t, c)
	c.Do("pause", c.ID).OK()
	c.Exec(nil, "true").FailsWith(255, "paused")
	waits := c.Command("exec", "--ignore-paused", c.ID, "true")
	if err := waits.Start(); err != nil {
		t.Fatal(err)
	}
	ended := c.Command("exec", "--ignore-paused", c.ID, "true")
	if err := ended.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	ended.Process.Signal(unix.SIGTERM)
	if err := ended.Wait(); err == nil {
		t.Error("it did not wait")
	}
	c.Do("resume", c.ID).OK()
	if err := waits.Wait(); err != nil {
		t.Error(err)
	}
}

// Where the container has enabled controllers for its own cgroups, a process goes to where the first
// one is; to a place that was named it goes or not at all.
func TestUnifiedInternalProcesses(t *testing.T) {
	t.Parallel()
	c, _ := pod(t, "pids", "mkdir /sys/fs/cgroup/in && echo 1 >/sys/fs/cgroup/in/cgroup.procs && "+
		"echo +pids >/sys/fs/cgroup/cgroup.subtree_control && "+idle, ownCgroups())
	start(t, c)
	c.Exec(nil, "grep", "0::", "/proc/self/cgroup").OK().Prints("0::/in")
	write(t, unifiedRoot+c.Cgroup+"/pids.max", "1")
	c.Exec(nil, "grep", "0::", "/proc/self/cgroup").OK().Prints("0::/in")
	c.Exec([]string{"--cgroup", "/in"}, "grep", "0::", "/proc/self/cgroup").OK().Prints("0::/in")
	c.Exec([]string{"--cgroup", "/"}, "true").FailsWith(255, "controllers enabled for cgroups below it", "pids")
}

// What cannot be a container's cgroup is explained, and nothing is left.
func TestUnifiedRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, parent string)
		change  bundle.Change
		want    []string
	}{
		"threaded parent": {func(t *testing.T, parent string) { write(t, parent+"/t/cgroup.type", "threaded") },
			belowT, []string{"joining cgroup", "domain invalid"}},
		"limit below a threaded parent": {func(t *testing.T, parent string) {
			write(t, parent+"/t/cgroup.type", "threaded")
		}, all(belowT, memoryLimit), []string{"linux.resources.memory", "the memory controller", "domain threaded"}},
		"as many as it may": {func(t *testing.T, parent string) { write(t, parent+"/cgroup.max.descendants", "0") },
			nil, []string{"creating cgroup", "cgroup.max.descendants of", "is 0"}},
		"as deep as it may": {func(t *testing.T, parent string) { write(t, parent+"/cgroup.max.depth", "0") },
			nil, []string{"creating cgroup", "cgroup.max.depth of", "is 0"}},
		"processes in the parent": {func(t *testing.T, parent string) {
			bystanderIn(t, parent)
		}, memoryLimit, []string{"linux.resources.memory", "enabling the memory controller",
			"a cgroup with processes cannot", "/TestUnifiedRefusals"}},
		"controllers below it": {func(t *testing.T, parent string) {
			if err := os.Mkdir(parent+"/container", 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, unifiedRoot+"/cgroup.subtree_control", "+memory")
			write(t, filepath.Dir(parent)+"/cgroup.subtree_control", "+memory")
			write(t, parent+"/cgroup.subtree_control", "+memory")
			write(t, parent+"/container/cgroup.subtree_control", "+memory")
		}, nil, []string{"joining cgroup", "cgroup.subtree_control is", "memory"}},
		"a controller that no kernel has": {nil, func(s *specs.Spec) {
			s.Linux.Resources.Unified = map[string]string{"nothing.max": "1"}
		}, []string{"linux.resources.unified", "nothing.max", "the nothing controller is not available"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := tt.change
			if change == nil {
				change = func(*specs.Spec) {}
			}
			c, parent := pod(t, "", idle, change)
			write(t, filepath.Dir(parent)+"/cgroup.subtree_control", "+pids")
			if tt.prepare != nil {
				tt.prepare(t, parent)
			}
			c.Run().Fails(tt.want...)
			if _, err := os.Stat(parent + "/container"); err == nil {
				t.Error("a cgroup is left")
			}
		})
	}
}

// belowT names a cgroup that is a level deeper.
func belowT(s *specs.Spec) {
	s.Linux.CgroupsPath = filepath.Join(filepath.Dir(s.Linux.CgroupsPath), "t/container")
}

// bystanderIn has a process of somebody else's in a cgroup, until the test ends.
func bystanderIn(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	write(t, dir+"/cgroup.procs", fmt.Sprint(cmd.Process.Pid))
}

func memoryLimit(s *specs.Spec) {
	resources(func(r *specs.LinuxResources) { r.Memory = &specs.LinuxMemory{Limit: ptr(int64(64 << 20))} })(s)
}

// The cgroup belongs to the user of the process if that can write to it, and its limits do not.
func TestUnifiedOwner(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change bundle.Change
		want   uint32
	}{
		"user namespace":    {all(userNamespace(100000), ownCgroups()), 100000},
		"another user":      {all(userNamespace(100000), ownCgroups(), uid(7)), 100007},
		"no user namespace": {all(ownCgroups(), uid(7)), 7},
		"read-only":         {all(userNamespace(100000), ownCgroups("ro")), 0},
		"no namespace":      {all(userNamespace(100000), shownCgroups()), 0},
		"no mount of type cgroup": {all(userNamespace(100000), ownCgroups(), func(s *specs.Spec) {
			var kept []specs.Mount
			for _, m := range s.Mounts {
				if m.Type != "cgroup" {
					kept = append(kept, m)
				}
			}
			s.Mounts = kept
		}), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, parent := pod(t, "pids", idle, tt.change, pidsLimit(100))
			start(t, c)
			for file, want := range map[string]uint32{".": tt.want, "cgroup.procs": tt.want,
				"cgroup.subtree_control": tt.want, "cgroup.threads": tt.want, "pids.max": 0, "cgroup.freeze": 0} {
				var st unix.Stat_t
				if err := unix.Stat(parent+"/container/"+file, &st); err != nil || st.Uid != want {
					t.Errorf("%s belongs to %d, %v, want %d", file, st.Uid, err, want)
				}
			}
		})
	}
}

func uid(id uint32) bundle.Change {
	return func(s *specs.Spec) { s.Process.User = specs.User{UID: id, GID: id} }
}

// A container that has its cgroup to itself arranges cgroups in it as systemd and engines do, and
// all of it goes with the container.
func TestUnifiedSubtree(t *testing.T) {
	t.Parallel()
	const arrange = "set -e; cd /sys/fs/cgroup; mkdir -p init.scope system.slice/a; echo 1 >init.scope/cgroup.procs; " +
		"echo +pids >cgroup.subtree_control; echo +pids >system.slice/cgroup.subtree_control; " +
		"echo 5 >system.slice/a/pids.max; (echo 0 >system.slice/a/cgroup.procs; exec sleep 1000) & " +
		"while ! grep -q . system.slice/a/cgroup.procs; do :; done; " + idle
	for name, change := range map[string]bundle.Change{"root": nil, "user namespace": userNamespace(100000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes := []bundle.Change{ownCgroups()}
			if change != nil {
				changes = append(changes, change)
			}
			c, parent := pod(t, "pids", arrange, changes...)
			start(t, c)
			if got := read(t, parent+"/container/system.slice/a/pids.max"); got != "5" {
				t.Errorf("pids.max: %s", got)
			}
			c.Do("ps", "--format", "json", c.ID).OK()
			c.Delete("--force").OK()
			if _, err := os.Stat(parent + "/container"); err == nil {
				t.Error("the cgroup is left")
			}
		})
	}
}

// With a namespace the container sees its cgroup as the root; without, where it is among all.
func TestUnifiedShown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change bundle.Change
		want   string // a command that succeeds
	}{
		"ro": {ownCgroups("ro"), "cd /sys/fs/cgroup && [ -e cgroup.events ] && ! mkdir a"},
		"rw": {ownCgroups(), "cd /sys/fs/cgroup && [ -e cgroup.events ] && mkdir a && rmdir a"},
		"no namespace": {shownCgroups("ro"), "cd /sys/fs/cgroup && [ ! -e cgroup.events ] && ! mkdir a && " +
			"cd .$(sed s/0:://p /proc/self/cgroup | head -n1) && grep -qx 1 cgroup.procs"},
		"no namespace, rw": {all(shownCgroups(), bundle.WithoutNamespace(specs.PIDNamespace)),
			"cd /sys/fs/cgroup$(sed s/0::// /proc/self/cgroup) && mkdir a && rmdir a"},
		"no namespace, rw, of a user": {all(shownCgroups(), userNamespace(0)), "! mkdir /sys/fs/cgroup$(sed s/0::// " +
			"/proc/self/cgroup)/a"},
		"type cgroup2": {all(ownCgroups(), func(s *specs.Spec) {
			for i := range s.Mounts {
				if s.Mounts[i].Type == "cgroup" {
					s.Mounts[i].Type = "cgroup2"
				}
			}
		}), "grep -q '/sys/fs/cgroup cgroup2' /proc/mounts && [ -e /sys/fs/cgroup/cgroup.events ]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := pod(t, "", "set -e; "+tt.want, tt.change)
			c.Run().OK()
		})
	}
}

// Somebody else has removed the cgroup though the processes live: exec names it, and they are
// ended all the same (v2-checks 10).
func TestUnifiedGone(t *testing.T) {
	t.Parallel()
	c, parent := pod(t, "", idle)
	start(t, c)
	pid := c.State().Pid
	write(t, parent+"/cgroup.procs", fmt.Sprint(pid))
	if err := os.Remove(parent + "/container"); err != nil {
		t.Fatal(err)
	}
	c.Exec(nil, "true").FailsWith(255, parent+"/container", "it is gone")
	c.Delete("--force").OK()
	if err := unix.Kill(pid, 0); err != unix.ESRCH {
		t.Errorf("its process: %v", err)
	}
}

// What a parent keeps frozen ends all the same, with whatever it has started below its cgroup.
func TestUnifiedKillFrozen(t *testing.T) {
	t.Parallel()
	c, parent := pod(t, "", "cd /sys/fs/cgroup; mkdir a; (echo 0 >a/cgroup.procs; exec sleep 1000) & "+
		"while ! grep -q . a/cgroup.procs; do :; done; echo 1 >a/cgroup.freeze; "+idle, ownCgroups())
	start(t, c)
	write(t, parent+"/cgroup.freeze", "1")
	bundle.Eventually(t, "a frozen cgroup", func() bool {
		return strings.Contains(read(t, parent+"/container/cgroup.events"), "frozen 1")
	})
	c.Exec(nil, "true").FailsWith(255, "paused")
	c.Do("resume", c.ID).Fails("a parent cgroup is frozen")
	c.Kill("KILL", "--all").OK()
	c.WaitStatus(specs.StateStopped)
	c.Delete().OK()
}

// All of a container without a pid namespace is ended, however fast it forks.
func TestUnifiedKillAll(t *testing.T) {
	t.Parallel()
	c, _ := pod(t, "pids", "while :; do (sleep 1000 &); done & while :; do (sleep 1000 &); done & "+idle,
		bundle.WithoutNamespace(specs.PIDNamespace), pidsLimit(60))
	start(t, c)
	c.Kill("KILL").OK()
	c.WaitStatus(specs.StateStopped)
	c.Delete().OK()
}
