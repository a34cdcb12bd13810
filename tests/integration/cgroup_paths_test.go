package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// A cgroup that exists is used, and keeps what the config does not set.
func TestExistingCgroup(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, resources(func(r *specs.LinuxResources) {
		r.Memory = &specs.LinuxMemory{Limit: ptr(int64(64 << 20))}
	}))
	dir := filepath.Join(hierarchy(t, "memory"), c.Cgroup)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "memory.swappiness"), []byte("7"), 0); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	c.Create().OK()
	if after, err := os.Stat(dir); err != nil || !os.SameFile(before, after) {
		t.Errorf("the cgroup was replaced: %v", err)
	}
	if got := cgroupNumber(t, c, "memory.swappiness", ""); got != 7 {
		t.Errorf("memory.swappiness: %d, want 7", got)
	}
	if got := cgroupNumber(t, c, "memory.limit_in_bytes", ""); got != 64<<20 {
		t.Errorf("memory.limit_in_bytes: %d", got)
	}
	c.Delete("--force").OK()
	c.LeavesNothing()
}

// bystander starts a process of somebody else's, in the cgroup of that path in some
// hierarchies, and returns a function that reports whether it lives.
func bystander(t *testing.T, cgroup string, controllers ...string) (lives func() bool) {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		for _, controller := range controllers {
			os.Remove(filepath.Join(hierarchy(t, controller), cgroup))
		}
	})
	for _, controller := range controllers {
		dir := filepath.Join(hierarchy(t, controller), cgroup)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/cgroup.procs", []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
			t.Fatal(err)
		}
	}
	return func() bool {
		select {
		case <-ended:
			return false
		case <-time.After(50 * time.Millisecond):
			return true
		}
	}
}

// Who is in the cgroup already, be it in one hierarchy only, is not killed when the
// creation fails: there is none.
func TestOccupiedCgroup(t *testing.T) {
	t.Parallel()
	for _, controller := range [...]string{"memory", "freezer"} {
		t.Run(controller, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, bundle.Shell(idle))
			lives := bystander(t, c.Cgroup, controller)
			c.Create().Fails("linux.cgroupsPath: container's cgroup is not empty: 1 process(es) found")
			if !lives() {
				t.Error("the process that was there was killed")
			}
		})
	}
}

// The kernel makes no cgroup with a newline in its name. The record once kept the path
// up to there, of somebody else's cgroup, which was emptied and removed.
func TestNewlineInCgroupsPath(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell(idle))
	lives := bystander(t, c.Cgroup, "memory", "freezer")
	c.Configure(bundle.Shell(idle), func(s *specs.Spec) { s.Linux.CgroupsPath = c.Cgroup + "\nx" })
	c.Create().Fails("linux.cgroupsPath", "newline")
	if !lives() {
		t.Error("the process of another cgroup was killed")
	}
}

// Two containers may share a cgroup when the first one has ended before the second
// one begins. To delete the first one does not end the second.
func TestDeleteSparesWhoCameLater(t *testing.T) {
	t.Parallel()
	a := bundle.New(t, bundle.Args("true"))
	a.Create().OK()
	a.Start().OK()
	a.WaitStatus(specs.StateStopped)
	lives := bystander(t, a.Cgroup, "memory", "freezer")
	a.Kill("KILL", "--all").OK()
	if !lives() {
		t.Fatal("kill --all killed a process that came after the container's end")
	}
	if r := a.Delete().OK(); !strings.Contains(r.Stderr, "the cgroup stays") {
		t.Errorf("no warning: %s", r.Stderr)
	}
	if !lives() {
		t.Error("delete killed a process that came after the container's end")
	}
}

// A relative cgroupsPath, and none, are below the cgroup that rung runs in.
func TestRelativeCgroup(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, path string }{{"relative", "some/where"}, {"none", ""}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, bundle.Shell(idle))
			// the caller's cgroup is the container's usual one
			callers := c.Cgroup
			path := test.path
			if path == "" {
				path = c.ID
			}
			c.Cgroup = filepath.Join(callers, path)
			c.Configure(bundle.Shell(idle), func(s *specs.Spec) { s.Linux.CgroupsPath = test.path })
			dir := filepath.Join(hierarchy(t, "pids"), callers)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			cmd := c.Command("create", "--bundle", c.Bundle, c.ID)
			script := "echo 0 >" + dir + "/cgroup.procs && exec \"$0\" \"$@\""
			cmd.Args = append([]string{"sh", "-c", script}, cmd.Args...)
			cmd.Path = "/bin/sh"
			c.Wait(cmd).OK()
			got := read(t, fmt.Sprintf("/proc/%d/cgroup", c.State().Pid))
			if !strings.Contains(got, ":pids:"+filepath.Join(callers, path)+"\n") {
				t.Errorf("not in %s/%s:\n%s", callers, path, got)
			}
			c.Delete("--force").OK()
			if _, err := os.Stat(filepath.Join(dir, path)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the container's cgroup is left: %v", err)
			}
			for p := filepath.Dir(path); p != "."; p = filepath.Dir(p) { // those between may be kept
				os.Remove(filepath.Join(dir, p))
			}
			if err := os.Remove(dir); err != nil {
				t.Errorf("the caller's cgroup: %v", err)
			}
		})
	}
}

// A hierarchy that another file system covers is not one of the container's.
func TestCoveredHierarchy(t *testing.T) {
	t.Parallel()
	point := ""
	for _, line := range strings.Split(read(t, "/proc/self/mountinfo"), "\n") {
		if before, after, _ := strings.Cut(line, " - "); strings.HasPrefix(after, "cgroup2 ") {
			point = strings.Fields(before)[4]
		}
	}
	if point == "" {
		t.Skip("no unified hierarchy is mounted")
	}
	c := bundle.New(t)
	cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
	args := []string{"-m", "sh", "-c", `mount -t tmpfs none "$0" && exec "$@"`, point}
	c.Wait(exec.Command("unshare", append(args, cmd.Args...)...)).OK()
	c.LeavesNothing()
}
