package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

var namespaceFiles = []string{"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"}

// namespacesOf are the namespaces of a process of the machine, and its cgroups.
func namespacesOf(t *testing.T, pid int) string {
	t.Helper()
	var out strings.Builder
	for _, name := range namespaceFiles {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&out, link)
	}
	lines := strings.Split(read(t, fmt.Sprintf("/proc/%d/cgroup", pid)), "\n")
	return out.String() + strings.Join(lines, "\n")
}

// execDetached executes a process that stays, and returns its pid.
func execDetached(t *testing.T, c *bundle.Container, flags ...string) int {
	t.Helper()
	file := filepath.Join(c.Dir, "exec.pid")
	c.Exec(append([]string{"-d", "--pid-file", file}, flags...), "sleep", "1000").OK()
	pid, err := strconv.Atoi(read(t, file))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// An exec joins whatever namespaces the container has, and its cgroups.
func TestExecJoins(t *testing.T) {
	t.Parallel()
	none := func(s *specs.Spec) {
		s.Linux.Namespaces, s.Hostname, s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, "", nil, nil, nil
	}
	// what a user namespace must not mount without a namespace that it owns
	without := func(mounts ...string) bundle.Change {
		return func(s *specs.Spec) {
			s.Mounts = slices.DeleteFunc(s.Mounts, func(m specs.Mount) bool {
				return slices.Contains(mounts, m.Destination)
			})
			s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
		}
	}
	for name, change := range map[string]bundle.Change{
		"usual":  func(*specs.Spec) {},
		"user":   userNamespace(100000),
		"time":   bundle.Namespace(specs.TimeNamespace, ""),
		"cgroup": bundle.Namespace(specs.CgroupNamespace, ""),
		"all": all(userNamespace(100000), bundle.Namespace(specs.TimeNamespace, ""),
			bundle.Namespace(specs.CgroupNamespace, "")),
		"without pid":     bundle.WithoutNamespace(specs.PIDNamespace),
		"without network": bundle.WithoutNamespace(specs.NetworkNamespace),
		"user without pid": all(userNamespace(100000), bundle.WithoutNamespace(specs.PIDNamespace),
			without("/proc")),
		"user, network, time": all(userNamespace(100000), bundle.WithoutNamespace(specs.NetworkNamespace),
			bundle.Namespace(specs.TimeNamespace, ""), without("/sys", "/sys/fs/cgroup")),
		"none": none,
		"pid":  all(none, bundle.Namespace(specs.PIDNamespace, "")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, change, bundle.Args("sleep", "1000"))
			c.Create().OK()
			c.Start().OK()
			pid := execDetached(t, c)
			if got, want := namespacesOf(t, pid), namespacesOf(t, c.State().Pid); got != want {
				t.Errorf("in\n%s\nwant\n%s", got, want)
			}
			// the image's root, a user of the container, and a session of its own
			stat := host(t, "stat", "-L", "-c", "%d:%i", fmt.Sprintf("/proc/%d/root/bin/busybox", pid))
			if want := host(t, "stat", "-L", "-c", "%d:%i", c.Path("bin/busybox")); stat != want {
				t.Errorf("its root has %s, want %s", stat, want)
			}
			c.Exec(nil, "sh", "-c",
				"id -u; pwd; [ $(cut -d' ' -f6 /proc/self/stat) != 0 ] && "+
					"cut -d' ' -f2 /proc/uptime >/dev/null; true").OK()
			fields := strings.Fields(read(t, fmt.Sprintf("/proc/%d/stat", pid)))
			if session := fields[5]; session != strconv.Itoa(pid) {
				t.Errorf("its session is %s, not its own (%d)", session, pid)
			}
			if host(t, "sh", "-c", fmt.Sprintf("readlink /proc/%d/exe", pid)) == "" {
				t.Error("no executable")
			}
			c.Delete("--force").OK()
			c.LeavesNothing()
		})
	}
}

// Namespaces that the first process made for itself are not the container's: who is
// root in them is not, and what they have is for nobody else.
func TestExecDoesNotFollowTheFirstProcess(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.WithoutNamespace(specs.NetworkNamespace),
		bundle.Args("unshare", "-U", "-n", "-i", "sleep", "1000"))
	c.Create().OK()
	c.Start().OK()
	init := c.State().Pid
	namespace := func(pid int, name string) string {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, name))
		if err != nil {
			t.Fatal(err)
		}
		return link
	}
	for _, name := range [...]string{"user", "net"} {
		bundle.Eventually(t, name+" namespace of its own", func() bool {
			return namespace(init, name) != namespace(os.Getpid(), name)
		})
	}
	c.Exec(nil, "id", "-u").Prints("0")
	pid := execDetached(t, c)
	for _, name := range [...]string{"user", "net"} {
		if got, want := namespace(pid, name), namespace(os.Getpid(), name); got != want {
			t.Errorf("in %s, not the host's %s", got, want)
		}
	}
	for _, name := range [...]string{"mnt", "pid", "ipc"} {
		if got, want := namespace(pid, name), namespace(init, name); got != want {
			t.Errorf("in %s, not the container's %s", got, want)
		}
	}
}

// A container that joined another's namespaces by path.
func TestExecInAPod(t *testing.T) {
	t.Parallel()
	first := running(t, idle, userNamespace(100000))
	path := func(file string) string { return fmt.Sprintf("/proc/%d/ns/%s", first.State().Pid, file) }
	c := running(t, idle, userNamespace(100000), bundle.Namespace(specs.UserNamespace, path("user")),
		bundle.Namespace(specs.NetworkNamespace, path("net")), bundle.Namespace(specs.IPCNamespace, path("ipc")),
		bundle.Namespace(specs.PIDNamespace, path("pid")), func(s *specs.Spec) {
			s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
		})
	pid := execDetached(t, c)
	if got, want := namespacesOf(t, pid), namespacesOf(t, c.State().Pid); got != want {
		t.Errorf("in\n%s\nwant\n%s", got, want)
	}
	c.Kill("KILL", "--all").OK()
	c.WaitStatus(specs.StateStopped)
}

// An exec sees a created container as its process will.
func TestExecInACreatedContainer(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]bundle.Change{"usual": func(*specs.Spec) {}, "user": userNamespace(100000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, change)
			c.Create().OK()
			c.Exec(nil, "sh", "-c", "hostname; id -u; cat /proc/1/comm").OK().Prints("bundle\n0\nrung:[init]")
			if s := c.State(); s.Status != specs.StateCreated {
				t.Errorf("status %s", s.Status)
			}
			c.Start().OK()
		})
	}
}

func TestExecInASubCgroup(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	mounts, err := bundle.CgroupMounts()
	if err != nil {
		t.Fatal(err)
	}
	for _, mount := range mounts {
		if _, err := os.Stat(filepath.Join(mount, c.Cgroup)); err != nil {
			continue
		}
		for _, sub := range []string{"a", "a/b"} {
			dir := filepath.Join(mount, c.Cgroup, sub)
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"cpuset.cpus", "cpuset.mems"} { // which a new one of v1 has not got
				if value, err := os.ReadFile(filepath.Join(filepath.Dir(dir), name)); err == nil {
					write(t, filepath.Join(dir, name), string(value))
				}
			}
		}
	}
	in := func(flags ...string) map[string]string {
		pid := execDetached(t, c, flags...)
		defer unix.Kill(pid, unix.SIGKILL)
		of := map[string]string{}
		for _, line := range strings.Split(read(t, fmt.Sprintf("/proc/%d/cgroup", pid)), "\n") {
			fields := strings.SplitN(line, ":", 3)
			for _, controller := range strings.Split(fields[1], ",") {
				of[controller] = fields[2]
			}
		}
		return of
	}
	for _, tt := range []struct {
		flags               []string
		memory, pids, empty string // "": the unified hierarchy
	}{
		{nil, "", "", ""},
		{[]string{"--cgroup", "/"}, "", "", ""},
		{[]string{"--cgroup", "a/b"}, "/a/b", "/a/b", "/a/b"},
		{[]string{"--cgroup", "memory:a"}, "/a", "", ""},
		{[]string{"--cgroup=memory:/a/b", "--cgroup", "pids:a"}, "/a/b", "/a", ""},
	} {
		got := in(tt.flags...)
		for controller, sub := range map[string]string{"memory": tt.memory, "pids": tt.pids, "": tt.empty} {
			if path, ok := got[controller]; ok && path != c.Cgroup+sub {
				t.Errorf("%q: in %s of %q, want %s", tt.flags, path, controller, c.Cgroup+sub)
			}
		}
	}
	execFails(t, c.Exec([]string{"--cgroup", "missing"}, "true"), "missing", "no such file")
	execFails(t, c.Exec([]string{"--cgroup", "memory:../.."}, "true"), "not a sub cgroup path")
	execFails(t, c.Exec([]string{"--cgroup", "nothing:a"}, "true"), "unknown controller")
	execFails(t, c.Exec([]string{"--cgroup", "a", "--cgroup", "b"}, "true"), "names no controller")
}

func TestExecKeyring(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/keys"); err != nil {
		t.Skip("this kernel has no keyrings")
	}
	for _, flags := range [][]string{nil, {"--no-new-keyring"}} {
		c := bundle.New(t, bundle.Shell(idle), func(s *specs.Spec) { s.Linux.MaskedPaths = nil })
		created := c.Create(flags...).OK()
		c.Start().OK()
		waitReady(t, created)
		r := c.Exec(nil, "cat", "/proc/keys").OK()
		if got := strings.Contains(r.Stdout, "_ses."+c.ID); got != (flags == nil) {
			t.Errorf("%v: a keyring of the container's: %v\n%s", flags, got, r.Stdout)
		}
	}
}

func TestExecAtTheWrongMoment(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	frozen := filepath.Dir(cgroupFile(t, c, "freezer.state"))
	setFrozen(t, frozen, "FROZEN")
	execFails(t, c.Exec(nil, "true"), "cannot exec in a paused container (use --ignore-paused to override)")

	// what ignores that waits, and can be ended, and what was on the way ends too
	cmd := c.Command("exec", "--ignore-paused", c.ID, "sh", "-c", "echo waited")
	out := create(t, filepath.Join(c.Dir, "waited"))
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := c.Command("exec", "--ignore-paused", c.ID, "touch", "/tmp/must-not-be")
	if err := ended.Start(); err != nil {
		t.Fatal(err)
	}
	bundle.Eventually(t, "processes that wait in the frozen cgroup", func() bool {
		return len(strings.Fields(read(t, filepath.Join(frozen, "tasks")))) == 3
	})
	ended.Process.Signal(unix.SIGTERM)
	ended.Wait()
	setFrozen(t, frozen, "THAWED")
	if err := cmd.Wait(); err != nil || read(t, out.Name()) != "waited" {
		t.Errorf("exec --ignore-paused: %v, printed %q", err, read(t, out.Name()))
	}
	bundle.Eventually(t, "end of what was on the way", func() bool {
		return len(strings.Fields(read(t, filepath.Join(frozen, "tasks")))) == 1
	})
	if _, err := os.Stat(c.Path("tmp/must-not-be")); err == nil {
		t.Error("the process of a rung that was ended was executed")
	}

	c.Kill("KILL").OK()
	c.WaitStatus(specs.StateStopped)
	execFails(t, c.Exec(nil, "true"), "cannot exec in a stopped container")
	c.Delete().OK()
	execFails(t, c.Exec(nil, "true"), "does not exist")
	execFails(t, c.Do("exec", "../x", "true"), "container ID")
}

// Execs while the container is killed give an error or the process's end, and
// none hangs or stays.
func TestExecWhileTheContainerIsKilled(t *testing.T) {
	t.Parallel()
	for _, change := range []bundle.Change{func(*specs.Spec) {}, userNamespace(100000),
		bundle.WithoutNamespace(specs.PIDNamespace)} {
		for round := range 4 {
			c := running(t, idle, change)
			results := make(chan string)
			const execs = 6
			for range execs {
				go func() {
					for {
						cmd := c.Command("exec", c.ID, "true")
						out, err := cmd.CombinedOutput()
						if err != nil {
							results <- fmt.Sprintf("%d %s", cmd.ProcessState.ExitCode(), out)
							return
						}
					}
				}()
			}
			time.Sleep(time.Duration(round) * 3 * time.Millisecond)
			if round%2 == 0 {
				c.Kill("KILL").OK()
			} else {
				c.Delete("--force").OK()
			}
			for range execs {
				select {
				case got := <-results:
					known := []string{"255 ", "137 "}
					if !slices.ContainsFunc(known, func(p string) bool { return strings.HasPrefix(got, p) }) ||
						strings.HasPrefix(got, "255 ") && !strings.Contains(got, "exec failed: ") ||
						strings.Contains(got, "no such file or directory") { // which clients take for the command
						t.Errorf("exec: %s", got)
					}
				case <-time.After(20 * time.Second):
					t.Fatal("an exec hangs")
				}
			}
			c.Delete("--force").OK()
			c.LeavesNothing()
		}
	}
}
