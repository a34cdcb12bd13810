package integration

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// partner is a process of the machine with namespaces of its own.
func partner(t *testing.T, flags ...string) (pid int) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	cmd := exec.Command("unshare", append(flags, "sh", "-c", "echo; exec sleep 1000")...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func TestJoinNamespaces(t *testing.T) {
	t.Parallel()
	tests := []struct {
		typ  specs.LinuxNamespaceType
		flag string
		file string // in /proc/PID/ns: what to join
		own  string // in /proc/self/ns: what it is then
	}{
		{specs.NetworkNamespace, "--net", "net", "net"},
		{specs.IPCNamespace, "--ipc", "ipc", "ipc"},
		{specs.UTSNamespace, "--uts", "uts", "uts"},
		{specs.CgroupNamespace, "--cgroup", "cgroup", "cgroup"},
		{specs.TimeNamespace, "--time", "time_for_children", "time"},
		{specs.MountNamespace, "--mount", "mnt", "mnt"},
		{specs.PIDNamespace, "--pid", "pid", "pid"},
		{specs.UserNamespace, "--user", "user", "user"},
	}
	for _, test := range tests {
		t.Run(string(test.typ), func(t *testing.T) {
			t.Parallel()
			flags := []string{test.flag}
			switch test.typ {
			case specs.UserNamespace:
				flags = append(flags, "--map-root-user")
			case specs.PIDNamespace:
				flags = append(flags, "--fork", "--kill-child")
			}
			pid := partner(t, flags...)
			if test.typ == specs.PIDNamespace { // its child is in it
				pid, _ = strconv.Atoi(strings.Fields(read(t, fmt.Sprintf("/proc/%d/task/%[1]d/children", pid)))[0])
			}
			path := fmt.Sprintf("/proc/%d/ns/%s", pid, test.file)
			c := bundle.New(t, bundle.Namespace(test.typ, path),
				bundle.Shell("readlink /proc/self/ns/"+test.own+"; "+idle), func(s *specs.Spec) {
					switch test.typ {
					case specs.UTSNamespace:
						s.Hostname = "" // or it would be the partner's
					case specs.UserNamespace: // it has one group
						for i := range s.Mounts {
							s.Mounts[i].Options = slices.DeleteFunc(s.Mounts[i].Options, func(o string) bool {
								return o == "gid=5"
							})
						}
					}
				})
			created := start(t, c)
			want, err := os.Readlink(path)
			if err != nil {
				t.Fatal(err)
			}
			want = strings.Replace(want, "time_for_children", "time", 1)
			if stdout, _ := created.Output(); stdout != want+"\nready\n" {
				t.Errorf("in %q, want %q", stdout, want)
			}
			if got, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", c.State().Pid, test.own)); got != want {
				t.Errorf("from outside: in %q (%v), want %q", got, err, want)
			}
			c.Delete("--force").OK()
			c.LeavesNothing()
			if err := syscall.Kill(pid, 0); err != nil {
				t.Errorf("the partner: %v", err)
			}
		})
	}
}

// All by path at once: those that a user namespace owns are joined from within it.
func TestJoinTheNamespacesOfAContainer(t *testing.T) {
	t.Parallel()
	first := running(t, idle, userNamespace(100000), bundle.Namespace(specs.CgroupNamespace, ""))
	pid := first.State().Pid
	script := ""
	var changes []bundle.Change
	var want []string
	for _, ns := range []struct {
		typ  specs.LinuxNamespaceType
		file string
	}{
		{specs.UserNamespace, "user"}, {specs.PIDNamespace, "pid"}, {specs.NetworkNamespace, "net"},
		{specs.IPCNamespace, "ipc"}, {specs.UTSNamespace, "uts"}, {specs.CgroupNamespace, "cgroup"},
	} {
		path := fmt.Sprintf("/proc/%d/ns/%s", pid, ns.file)
		changes = append(changes, bundle.Namespace(ns.typ, path))
		script += "readlink /proc/self/ns/" + ns.file + ";"
		link, err := os.Readlink(path)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, link)
	}
	if got := printed(t, script, changes...); got != strings.Join(want, "\n") {
		t.Errorf("in %q, want %q", got, want)
	}
}

func TestWrongNamespaceIsNamed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		typ    specs.LinuxNamespaceType
		path   string
		reason string
	}{
		{specs.NetworkNamespace, "/proc/self/ns/uts", "uts"},
		{specs.PIDNamespace, "/proc/self/ns/net", "net"},
		{specs.UserNamespace, "/proc/self/ns/mnt", "mnt"},
		{specs.MountNamespace, "/proc/self/ns/ipc", "ipc"},
		{specs.TimeNamespace, "/proc/self/ns/cgroup", "cgroup"},
		{specs.UTSNamespace, "/etc/passwd", "not a namespace"},
		{specs.IPCNamespace, "/nowhere/ns", "no such file or directory"},
	} {
		t.Run(string(test.typ), func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, bundle.Namespace(test.typ, test.path))
			// which namespace it is says linux.namespaces[N]
			c.Create().Fails("linux.namespaces[", test.path, test.reason)
			c.LeavesNothing()
		})
	}
	t.Run("twice", func(t *testing.T) {
		t.Parallel()
		c := bundle.New(t, func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.PIDNamespace})
		})
		c.Create().Fails("linux.namespaces[5]", "pid")
	})
}

// The names of the machine are not a container's to change. What rung takes for
// the machine's UTS namespace here is one of its own.
func TestNamesOfTheHost(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("true"))
	run := func() bundle.Result {
		cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
		cmd.Args = append([]string{"unshare", "--uts", "sh", "-c", `"$0" "$@"; code=$?; hostname; exit $code`},
			cmd.Args...)
		cmd.Path = "/usr/bin/unshare"
		return c.Wait(cmd).Prints(read(t, "/proc/sys/kernel/hostname"))
	}
	for _, tt := range []struct {
		names bundle.Change
		want  string
	}{
		{func(s *specs.Spec) { s.Hostname = "changed-by-rung" }, "hostname"},
		{func(s *specs.Spec) { s.Domainname = "changed-by-rung" }, "domainname"},
	} {
		none := func(s *specs.Spec) { s.Hostname, s.Domainname = "", "" }
		c.Configure(none, bundle.Namespace(specs.UTSNamespace, "/proc/self/ns/uts"), tt.names)
		run().Fails(tt.want + ": the uts namespace /proc/self/ns/uts is the host's")
		c.LeavesNothing()
		c.Configure(none, bundle.WithoutNamespace(specs.UTSNamespace), tt.names)
		run().Fails(tt.want + ": needs a UTS namespace in linux.namespaces")
		c.LeavesNothing()
	}
	c.Configure(bundle.Namespace(specs.UTSNamespace, "/proc/self/ns/uts"), func(s *specs.Spec) {
		s.Hostname, s.Domainname = read(t, "/proc/sys/kernel/hostname"), "" // which changes nothing
	})
	run().OK()
}
