package integration

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// seen is what the onlooker prints of a process on its way.
type seen struct {
	Caps, Seccomp, Root string
	Files               []string
	Cgroup              string
}

// mayTrace gives a container CAP_SYS_PTRACE.
func mayTrace(s *specs.Spec) {
	for _, set := range []*[]string{&s.Process.Capabilities.Bounding, &s.Process.Capabilities.Effective,
		&s.Process.Capabilities.Permitted} {
		*set = append(*set, "CAP_SYS_PTRACE")
	}
}

// filtered has a filter that takes CAP_SYS_ADMIN to be loaded, with what engines deny as well.
func filtered(s *specs.Spec) {
	s.Process.NoNewPrivileges = false
	errno := uint(syscall.ENOSYS)
	s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{
		{Names: []string{"bpf", "mount"}, Action: specs.ActErrno},
		{Names: []string{"clone3"}, Action: specs.ActErrno, ErrnoRet: &errno},
	}}
}

// onlooker is a container whose process looks at all that comes into its pid namespace.
func onlooker(t *testing.T) (c *bundle.Container, saw func() []seen) {
	t.Helper()
	program := bundle.Program(t, "onlooker")
	c = bundle.New(t, bundle.Args("onlooker"), mayTrace, filtered)
	host(t, "cp", program, c.Path("bin/onlooker"))
	created := start(t, c)
	return c, func() (list []seen) {
		stdout, _ := created.Output()
		for line := range strings.Lines(stdout) {
			var s seen
			if json.Unmarshal([]byte(line), &s) == nil && strings.HasSuffix(line, "\n") {
				list = append(list, s)
			}
		}
		return list
	}
}

// rootOf is the device and the inode of a container's root filesystem.
func rootOf(t *testing.T, c *bundle.Container) string {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(c.Path("/"), &st); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// check compares what a process had on its way with what it has at last.
func (s seen) check(t *testing.T, root, caps, cgroup string, sockets bool) {
	t.Helper()
	if strings.TrimLeft(s.Caps, "0") != strings.TrimLeft(caps, "0") {
		t.Errorf("a process on its way had the capabilities %s, the container's has %s", s.Caps, caps)
	}
	if s.Seccomp != "2" {
		t.Errorf("a process on its way had no filter: %s", s.Seccomp)
	}
	if s.Root != root {
		t.Errorf("a process on its way had the root %s, the container's is %s", s.Root, root)
	}
	if strings.TrimSpace(s.Cgroup) != cgroup {
		t.Errorf("a process on its way was in\n%sthe container's is in\n%s", s.Cgroup, cgroup)
	}
	for _, f := range s.Files {
		if !sockets || !strings.HasPrefix(f, "socket:") {
			t.Errorf("a process on its way had %s open", f)
		}
	}
}

// A container that may trace finds nothing in the processes that are executed in it: whatever
// they have it has, too.
func TestExecIsSeenWithNothing(t *testing.T) {
	t.Parallel()
	c, saw := onlooker(t)
	for range 200 {
		c.Exec(nil, "true").OK()
	}
	pid := c.State().Pid
	caps, cgroup := statusField(t, pid, "CapPrm:"), read(t, fmt.Sprintf("/proc/%d/cgroup", pid))
	list := saw()
	t.Logf("of 200 processes %d were seized on their way", len(list))
	if len(list) == 0 {
		t.Skip("none was seized on its way")
	}
	for _, s := range list {
		s.check(t, rootOf(t, c), caps, cgroup, false)
	}
}

// The same of the first process of a container that joins the pid namespace: it is seen with the
// sockets that lead to rung, and waits with them.
func TestBirthInAPidNamespaceIsSeenWithNothing(t *testing.T) {
	t.Parallel()
	neighbour, saw := onlooker(t)
	pids := fmt.Sprintf("/proc/%d/ns/pid", neighbour.State().Pid)
	c := bundle.New(t, bundle.Args("true"), filtered, bundle.Namespace(specs.PIDNamespace, pids))
	for range 200 {
		c.Run().OK()
	}
	c.Configure(bundle.Args("sleep", "1000"), filtered, bundle.Namespace(specs.PIDNamespace, pids))
	c.Create().OK()
	bundle.Eventually(t, "the one that waits to be seized", func() bool { return len(saw()) > 0 })
	list := saw()
	t.Logf("of 201 processes %d were seized on their way", len(list))
	c.Start().OK()
	pid := c.State().Pid
	caps, cgroup := statusField(t, pid, "CapPrm:"), read(t, fmt.Sprintf("/proc/%d/cgroup", pid))
	for _, s := range list {
		s.check(t, rootOf(t, c), caps, cgroup, true)
	}
	// what it sees is the pid namespace, though its procfs was made from outside
	if got := c.Exec(nil, "sh", "-c", "cat /proc/1/comm").OK().Stdout; got != "onlooker\n" {
		t.Errorf("its process 1 is %q", got)
	}
	c.Delete("--force").OK()
	c.LeavesNothing()
}

// Before Linux 6.17 a process in the pid namespace begins its procfs.
func TestProcfsOfAJoinedPidNamespace(t *testing.T) {
	t.Parallel()
	older := bundle.Program(t, "older")
	for name, changes := range map[string][]bundle.Change{"": nil, "user namespace": {userNamespace(100000)}} {
		neighbour := running(t, idle, changes...)
		pid := neighbour.State().Pid
		path := func(ns string) string { return fmt.Sprintf("/proc/%d/ns/%s", pid, ns) }
		joins := []bundle.Change{bundle.Namespace(specs.PIDNamespace, path("pid"))}
		if changes != nil {
			joins = append(joins, bundle.Namespace(specs.UserNamespace, path("user")))
		}
		c := bundle.New(t,
			append(joins, bundle.Shell("cat /proc/1/cmdline; echo; echo /proc/[0-9]*; cat /proc/self/stat"))...)
		cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
		cmd.Args = append([]string{older}, append([]string{cmd.Path}, cmd.Args[1:]...)...)
		cmd.Path = older
		r := c.Wait(cmd).OK()
		if lines := strings.Split(r.Stdout, "\n"); !strings.HasPrefix(lines[0], "sleep") ||
			!strings.HasPrefix(lines[1], "/proc/1 ") {
			t.Errorf("%s: %q", name, r.Stdout)
		}
		c.LeavesNothing()
	}
}

// A startContainer hook, a program of the image, sees the first process as it will be.
func TestHookSeesAFilteredProcess(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("true"), mayTrace, filtered, func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/sh",
			Args: []string{"sh", "-c", "cat /proc/1/status /proc/self/status >/tmp/status"}}}}
	})
	c.Run().OK()
	var caps, filters []string
	for line := range strings.Lines(read(t, c.Path("tmp/status"))) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t"); name {
		case "CapPrm":
			caps = append(caps, value)
		case "Seccomp":
			filters = append(filters, value)
		}
	}
	if len(caps) != 2 || caps[0] != caps[1] || strings.Join(filters, " ") != "2 2" {
		t.Errorf("capabilities %q, filters %q", caps, filters)
	}
}

func statusField(t *testing.T, pid int, name string) string {
	t.Helper()
	for line := range strings.Lines(read(t, fmt.Sprintf("/proc/%d/status", pid))) {
		if value, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
