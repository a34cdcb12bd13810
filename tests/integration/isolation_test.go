package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/rung-oci/rung/tests/bundle"
)

// A remount of a bind mount is about the mount; its filesystem is the host's.
func TestRemountOfABindLeavesTheHostAlone(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	mounted(t, filepath.Join(dir, "fs"), "-t", "tmpfs", "none")
	c := bundle.New(t, bundle.Mount(specs.Mount{Destination: "/mnt", Source: filepath.Join(dir, "fs"),
		Options: []string{"bind"}}),
		bundle.Mount(specs.Mount{Destination: "/mnt", Options: []string{"remount", "bind", "ro"}}),
		bundle.Shell("touch /mnt/inside 2>/dev/null && echo written; exit 0"))
	c.Run().OK().Prints("")
	if err := os.WriteFile(filepath.Join(dir, "fs/outside"), nil, 0o600); err != nil {
		t.Errorf("on the host: %v", err)
	}
}

// A pid namespace that is joined goes on after the container's first process:
// SIGKILL is for all of the container's processes.
func TestKillInAJoinedPidNamespace(t *testing.T) {
	t.Parallel()
	pause := bundle.New(t, bundle.Shell("echo ready; exec sleep 1000"))
	start(t, pause)
	path := "/proc/" + strconv.Itoa(pause.State().Pid) + "/ns/pid"
	c := bundle.New(t, bundle.Namespace(specs.PIDNamespace, path),
		bundle.Shell("sleep 1000 & echo ready; exec sleep 1000"))
	start(t, c)
	procs := cgroupOf(t, c.State().Pid, "freezer")
	bundle.Eventually(t, "two processes", func() bool { return len(strings.Fields(read(t, procs))) == 2 })
	c.Kill("KILL").OK()
	c.WaitStatus(specs.StateStopped)
	bundle.Eventually(t, "no process", func() bool { return read(t, procs) == "" })
	c.Delete().OK()
}

// cgroupOf is the cgroup.procs of a process in a v1 hierarchy.
func cgroupOf(t *testing.T, pid int, controller string) string {
	t.Helper()
	for line := range strings.Lines(read(t, "/proc/"+strconv.Itoa(pid)+"/cgroup") + "\n") {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) == 3 && fields[1] == controller {
			return filepath.Join("/sys/fs/cgroup", controller, fields[2], "cgroup.procs")
		}
	}
	t.Fatalf("process %d has no cgroup of %s", pid, controller)
	return ""
}

// The caller's groups and descriptors are not the container's, whatever waits.
func TestCallersGroupsAndDescriptors(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	c := bundle.New(t, bundle.Args("/bin/sleep", "1000"), func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/sh",
			Args: []string{"sh", "-c", "grep Groups: /proc/self/status >" + dir + "/groups; { tty </dev/tty; } >" +
				dir + "/tty 2>&1 || true"}}}}
	}, bundle.Mount(specs.Mount{Destination: dir, Source: dir, Options: []string{"bind"}}))
	cmd := c.Command("create", "--bundle", c.Bundle, c.ID)
	cmd.Args = append([]string{"sh", "-c", `exec 9</etc/hostname; exec "$0" "$@"`}, cmd.Args...)
	cmd.Path = "/bin/sh"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{4, 27}}}
	c.Wait(cmd).OK()
	fds, err := filepath.Glob("/proc/" + strconv.Itoa(c.State().Pid) + "/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, _ := os.Readlink(fd); to == "/etc/hostname" {
			t.Errorf("the waiting process has %s, %s", fd, to)
		}
	}
	begin := c.Command("start", c.ID)
	begin.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{4, 27}}}
	c.Wait(begin).OK()
	if groups := strings.TrimSpace(strings.TrimPrefix(read(t, dir+"/groups"), "Groups:")); groups != "" {
		t.Errorf("a startContainer hook has the groups %s", groups)
	}
	if tty := read(t, dir+"/tty"); !strings.Contains(tty, "No such device or address") {
		t.Errorf("a startContainer hook has a terminal: %s", tty)
	}
	c.Kill("KILL").OK()
	c.WaitStatus(specs.StateStopped)
	c.Delete().OK()
}

// The caller's groups stay where an annotation of crun asks for it, that podman knows.
func TestKeptGroups(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]bundle.Change{
		"4 27": func(*specs.Spec) {}, "65534 65534": userNamespace(100000),
	} {
		c := bundle.New(t, bundle.Shell("grep Groups: /proc/self/status; "+idle), change, func(s *specs.Spec) {
			s.Annotations = map[string]string{"run.oci.keep_original_groups": "1"}
			s.Process.User.AdditionalGids = []uint32{9}
		})
		call := func(args ...string) bundle.Result {
			cmd := c.Command(args...)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{4, 27}}}
			return c.Wait(cmd).OK()
		}
		created := call("create", "--bundle", c.Bundle, c.ID)
		call("start", c.ID)
		waitReady(t, created)
		said, _ := created.Output()
		said += call("exec", c.ID, "grep", "Groups:", "/proc/self/status").Stdout
		if n := strings.Count(said, "Groups:\t"+want); n != 2 {
			t.Errorf("run and exec have %q, want %s twice", said, want)
		}
		c.Delete("--force").OK()
	}
}

// delete --force does not wait for a hook of start that hangs.
func TestForcedDeleteEndsHooks(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	c := bundle.New(t, bundle.Args("/bin/sleep", "1000"), func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/sh",
			Args: []string{"sh", "-c", ": >" + dir + "/hangs; exec sleep 1000"}}}}
	}, bundle.Mount(specs.Mount{Destination: dir, Source: dir, Options: []string{"bind"}}))
	c.Create().OK()
	begin := c.Command("start", c.ID)
	if err := begin.Start(); err != nil {
		t.Fatal(err)
	}
	bundle.Eventually(t, "the hook", func() bool { _, err := os.Stat(dir + "/hangs"); return err == nil })
	before := time.Now()
	c.Delete("--force").OK()
	if took := time.Since(before); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if err := begin.Wait(); err == nil {
		t.Error("start succeeded")
	} else if _, ok := err.(*exec.ExitError); !ok {
		t.Error(err)
	}
	c.LeavesNothing()
}
