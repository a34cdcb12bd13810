package integration

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// withoutCgroup makes a container whose every command has --cgroup-manager disabled.
func withoutCgroup(t *testing.T, changes ...bundle.Change) *bundle.Container {
	t.Helper()
	c := bundle.New(t, changes...)
	c.Runtime.Flags = append(c.Runtime.Flags, "--cgroup-manager", "disabled")
	c.Configure(append(changes, func(s *specs.Spec) { s.Linux.CgroupsPath = "" })...)
	return c
}

func TestNoCgroup(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]bundle.Change{
		"own pid namespace":  func(*specs.Spec) {},
		"host pid namespace": bundle.WithoutNamespace(specs.PIDNamespace),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := withoutCgroup(t, change, bundle.Shell("cat /proc/self/cgroup; sleep 1000 & "+idle))
			created := start(t, c)
			own, _, _ := strings.Cut(read(t, "/proc/self/cgroup"), "\nready")
			if stdout, _ := created.Output(); strings.TrimSpace(strings.TrimSuffix(stdout, "ready\n")) != own {
				t.Errorf("the container is in\n%s\nits caller in\n%s", stdout, own)
			}
			if s := c.State(); s.Status != "running" {
				t.Errorf("status %s", s.Status)
			}
			if pids := strings.Split(c.Do("ps", "-f", "json", c.ID).OK().Stdout, ","); len(pids) != 2 {
				t.Errorf("ps: %v", pids)
			}
			c.Do("pause", c.ID).Fails("the container has no cgroup")
			c.Do("resume", c.ID).Fails("container not paused")
			c.Do("update", "--memory", "100M", c.ID).Fails("the container has no cgroup")
			c.Do("events", "--stats", c.ID).Fails("the container has no cgroup")
			c.Kill("0", "--all").OK()
			c.Kill("KILL", "--all").OK()
			c.WaitStatus("stopped")
			c.Delete().OK()
			c.LeavesNothing()

			start(t, c)
			c.Delete("--force").OK()
			c.LeavesNothing()
		})
	}
}

// A container that joined another's pid namespace has its processes in the mount
// namespace that was made for it; the neighbour's are not its own.
func TestNoCgroupNeighbours(t *testing.T) {
	t.Parallel()
	neighbour := running(t, idle)
	pid := neighbour.State().Pid
	c := withoutCgroup(t, bundle.Namespace(specs.PIDNamespace, fmt.Sprintf("/proc/%d/ns/pid", pid)),
		bundle.Shell("sleep 1000 & "+idle))
	alive := func() {
		t.Helper()
		if s := neighbour.State(); s.Status != "running" || s.Pid != pid {
			t.Fatalf("the neighbour is %s", s.Status)
		}
	}
	start(t, c)
	if pids := strings.Split(c.Do("ps", "-f", "json", c.ID).OK().Stdout, ","); len(pids) != 2 {
		t.Errorf("ps: %v", pids)
	}
	c.Kill("KILL", "--all").OK()
	c.WaitStatus("stopped")
	alive()
	c.Delete().OK()
	c.LeavesNothing()
	start(t, c)
	c.Delete("--force").OK()
	c.LeavesNothing()
	alive()
}

func TestNoCgroupLimits(t *testing.T) {
	t.Parallel()
	c := withoutCgroup(t, resources(func(r *specs.LinuxResources) {
		r.Memory = &specs.LinuxMemory{Limit: ptr(int64(1 << 26))}
		r.Pids = &specs.LinuxPids{Limit: ptr(int64(10))}
	}))
	c.Run().Fails("linux.resources.memory, linux.resources.pids: cannot set limits without cgroups")
	c.LeavesNothing()
	c.Configure(resources(func(r *specs.LinuxResources) {
		r.Memory, r.CPU, r.Pids = &specs.LinuxMemory{}, &specs.LinuxCPU{}, &specs.LinuxPids{}
	}))
	if r := c.Run().OK(); !strings.Contains(r.Stderr, "linux.resources.devices: ignored") {
		t.Errorf("no warning of devices: %q", r.Stderr)
	}
	if _, err := os.Stat(hierarchy(t, "memory") + "/" + c.ID); err == nil {
		t.Error("there is a cgroup of the container's name")
	}
}

// Root of the machine may ask for containers that do without a cgroup, and is told what that means: unlike
// a user's, its rights are no limit.
func TestNoCgroupOfRoot(t *testing.T) {
	t.Parallel()
	if bundle.Systemd() {
		t.Skip("needs the driver of files: systemd may write where this test may not")
	}
	c := bundle.New(t)
	c.Configure(func(s *specs.Spec) { s.Linux.CgroupsPath = "" },
		resources(func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: ptr(int64(10))} }))
	script := `for point in $(awk '/ - cgroup2? /{print $5}' /proc/self/mountinfo); do
		mount -o remount,bind,ro "$point" || exit; done; exec "$@"`
	cmd := c.Command("--rootless", "true", "run", "--bundle", c.Bundle, c.ID)
	r := c.Wait(exec.Command("unshare", append([]string{"--mount", "sh", "-c", script, "sh"}, cmd.Args...)...)).OK()
	for _, want := range []string{"linux.resources.pids: ignored", "linux.resources.devices: ignored"} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("%q does not say %q", r.Stderr, want)
		}
	}
	c.LeavesNothing()
}
