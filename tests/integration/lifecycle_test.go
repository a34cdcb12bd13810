package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/rung-oci/rung/tests/bundle"
)

func TestLifecycle(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("echo started; exec sleep 1000"))
	created := c.Create().OK()
	if s := c.State(); s.Status != specs.StateCreated {
		t.Errorf("after create: status %s", s.Status)
	}
	created.Prints("") // the program has not been started

	c.Start().OK()
	if s := c.State(); s.Status != specs.StateRunning {
		t.Errorf("after start: status %s", s.Status)
	}
	bundle.Eventually(t, "output", func() bool {
		stdout, _ := created.Output()
		return stdout == "started\n"
	})

	c.Kill("KILL").OK()
	s := c.WaitStatus(specs.StateStopped)
	if s.Pid != 0 {
		t.Errorf("stopped, but pid %d", s.Pid)
	}
	c.Delete().OK()
	c.LeavesNothing()
	c.Do("state", c.ID).Fails("does not exist")
}

func TestRunExitStatus(t *testing.T) {
	t.Parallel()
	tests := []struct {
		script string
		want   int
	}{
		{"exit 0", 0},
		{"exit 1", 1},
		{"exit 42", 42},
		{"exit 255", 255},
		{"kill -KILL $$", 0}, // pid 1 of a pid namespace cannot kill itself
		{"sh -c 'kill -TERM $$'; exit $?", 128 + 15},
		{"exit 126", 126},
		{"exit 137", 137},
	}
	for _, test := range tests {
		t.Run(test.script, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, bundle.Shell(test.script))
			c.Run().Exits(test.want)
			c.LeavesNothing()
		})
	}
}

func TestRunStreams(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("echo to stdout; echo to stderr >&2"))
	r := c.Run().OK()
	if r.Stdout != "to stdout\n" || r.Stderr != "to stderr\n" {
		t.Errorf("stdout %q, stderr %q", r.Stdout, r.Stderr)
	}
}

func TestKillSignals(t *testing.T) {
	t.Parallel()
	for _, signal := range []string{"USR1", "SIGUSR1", "10"} {
		t.Run(signal, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t,
				bundle.Shell("trap 'echo caught; exit 0' USR1; echo ready; while :; do sleep 0.01; done"))
			r := c.Create().OK()
			c.Start().OK()
			bundle.Eventually(t, "trap", func() bool {
				stdout, _ := r.Output()
				return stdout == "ready\n"
			})
			c.Kill(signal).OK()
			c.WaitStatus(specs.StateStopped)
			r.Prints("ready\ncaught")
			c.Delete().OK()
		})
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	before := time.Now()
	annotations := map[string]string{"org.example.key": "value"}
	c := bundle.New(t, bundle.Args("sleep", "1000"), func(s *specs.Spec) { s.Annotations = annotations })
	pidFile := filepath.Join(c.Dir, "pid")
	c.Create("--pid-file", pidFile).OK()
	s := c.State()
	if s.ID != c.ID {
		t.Errorf("id: got %q, want %q", s.ID, c.ID)
	}
	if s.Bundle != c.Bundle {
		t.Errorf("bundle: got %q, want %q", s.Bundle, c.Bundle)
	}
	if s.Version == "" {
		t.Error("ociVersion is empty")
	}
	if s.Annotations["org.example.key"] != "value" {
		t.Errorf("annotations: got %v, want %v", s.Annotations, annotations)
	}
	if s.Created.Before(before.Add(-time.Second)) || s.Created.After(time.Now().Add(time.Second)) {
		t.Errorf("created: got %v, now it is %v", s.Created, time.Now())
	}
	pid, err := os.ReadFile(pidFile)
	if err != nil || string(pid) != strconv.Itoa(s.Pid) {
		t.Errorf("pid: got %d, the pid file holds %q (%v)", s.Pid, pid, err)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", s.Pid)); err != nil {
		t.Errorf("pid: %v", err)
	}
	c.Delete("--force").OK()
}

// The errors of the lifecycle, and that none of them has an effect.
func TestWrongMoment(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("sleep", "1000"))
	c.Start().Fails("does not exist")
	c.Kill("TERM").Fails("does not exist")
	c.Delete().Fails("does not exist")
	c.Delete("--force").OK()

	c.Create().OK()
	c.Create().Exits(1) // the id is taken
	c.Start().OK()
	c.Start().Exits(1)
	c.Delete().Exits(1)
	if s := c.State(); s.Status != specs.StateRunning {
		t.Errorf("status %s", s.Status)
	}

	c.Kill("KILL").OK()
	c.WaitStatus(specs.StateStopped)
	c.Start().Exits(1)
	c.Kill("TERM").Exits(1)
	c.Delete().OK()
	c.Delete().Fails("does not exist")
}

func TestCreateFailureLeavesNothing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change bundle.Change
	}{
		{"no such root", func(s *specs.Spec) { s.Root.Path = "missing" }},
		{"no such program", bundle.Args("missing")},
		{"unknown filesystem", bundle.Mount(specs.Mount{Destination: "/mnt", Type: "missingfs", Source: "none"})},
		{"no such bind source", bundle.Mount(specs.Mount{Destination: "/mnt", Source: "/missing",
			Options: []string{"bind"}})},
		{"no such namespace", bundle.Namespace(specs.UTSNamespace, "/missing")},
		{"invalid limit", func(s *specs.Spec) {
			period := uint64(1) // below the kernel's minimum of 1 ms
			s.Linux.Resources.CPU = &specs.LinuxCPU{Period: &period}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, test.change)
			r := c.Create().Exits(1)
			if r.Stderr == "" {
				t.Error("no message")
			}
			c.LeavesNothing()
		})
	}
}

func TestDeleteForceEndsARunningContainer(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("trap '' TERM; while :; do sleep 1; done"))
	c.Create().OK()
	c.Start().OK()
	c.Delete("--force").OK()
	c.LeavesNothing()
}

func TestRunKeep(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("exit 7"))
	c.Run("--keep").Exits(7)
	if s := c.State(); s.Status != specs.StateStopped || s.Pid != 0 {
		t.Errorf("status %s, pid %d", s.Status, s.Pid)
	}
	c.Run().Fails("exist") // the id is taken
	c.Delete().OK()
	c.LeavesNothing()
}

func TestRunDetach(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell(idle))
	pidFile := filepath.Join(c.Dir, "pid")
	r := c.Run("--detach", "--pid-file", pidFile).OK()
	waitReady(t, r)
	s := c.State()
	if s.Status != specs.StateRunning || read(t, pidFile) != strconv.Itoa(s.Pid) {
		t.Errorf("status %s, pid %d, the pid file holds %s", s.Status, s.Pid, read(t, pidFile))
	}
	c.Kill("TERM", "--all").OK() // pid 1 has no handler for it
	c.Kill("KILL").OK()
	c.WaitStatus(specs.StateStopped)
	c.Delete().OK()
}

// A running container can be deleted by somebody else while run waits.
func TestRunOfADeletedContainer(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell(idle))
	ended := make(chan bundle.Result, 1)
	go func() { ended <- c.Run() }()
	bundle.Eventually(t, "running container", func() bool {
		r := c.Do("state", c.ID)
		return r.Code == 0 && strings.Contains(r.Stdout, `"running"`)
	})
	c.Delete("--force").OK()
	(<-ended).Exits(128 + 9)
	c.LeavesNothing()
}

func TestKillOfACreatedContainer(t *testing.T) {
	t.Parallel()
	for _, sig := range []string{"by the host", "KILL", "TERM", "INT", "HUP", "QUIT"} {
		c := bundle.New(t)
		c.Create().OK()
		if sig == "by the host" {
			if err := syscall.Kill(c.State().Pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		} else {
			c.Kill("USR1").OK() // which does not
			c.WaitStatus(specs.StateCreated)
			c.Kill(sig).OK()
		}
		c.WaitStatus(specs.StateStopped)
		c.Start().Fails("stopped")
		c.Delete().OK()
		c.LeavesNothing()
	}
}

// What is created is what the config said then.
func TestConfigIsReadOnce(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("echo created"))
	created := c.Create().OK()
	c.Configure(bundle.Shell("echo changed"), func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{Poststart: []specs.Hook{{Path: "/bin/false"}},
			Poststop: []specs.Hook{{Path: "/bin/touch", Args: []string{"touch", c.Path("hook")}}}}
	})
	c.Start().OK()
	c.WaitStatus(specs.StateStopped)
	created.Prints("created")
	if err := os.Remove(filepath.Join(c.Bundle, "config.json")); err != nil {
		t.Fatal(err)
	}
	c.State()
	c.Delete().OK()
	if _, err := os.Stat(c.Path("hook")); err == nil {
		t.Error("a hook ran that was configured after the create")
	}
}

// atOnce runs commands at the same time and returns how many ended well.
func atOnce(c *bundle.Container, n int, args ...string) (succeeded int) {
	var wg sync.WaitGroup
	results := make([]bool, n)
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			results[i] = c.Do(args...).Code == 0
		}()
	}
	wg.Wait()
	for _, ok := range results {
		if ok {
			succeeded++
		}
	}
	return succeeded
}

func TestCommandsAtOnce(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("echo once; exec sleep 1000"))
	if n := atOnce(c, 8, "create", "--bundle", c.Bundle, c.ID); n != 1 {
		t.Errorf("%d of 8 creates with one id succeeded", n)
	}
	if n := atOnce(c, 8, "state", c.ID); n != 8 {
		t.Errorf("%d of 8 states succeeded", n)
	}
	if n := atOnce(c, 8, "start", c.ID); n != 1 {
		t.Errorf("%d of 8 starts succeeded", n)
	}
	if s := c.State(); s.Status != specs.StateRunning {
		t.Errorf("status %s", s.Status)
	}
	c.Kill("KILL").OK()
	c.WaitStatus(specs.StateStopped)
	if n := atOnce(c, 8, "delete", c.ID); n != 1 {
		t.Errorf("%d of 8 deletes succeeded", n)
	}
	c.LeavesNothing()
}

func TestList(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("sleep", "1000"))
	c.Create().OK()
	var list []bundle.State
	r := c.Do("list", "--format", "json").OK()
	if err := json.Unmarshal([]byte(r.Stdout), &list); err != nil {
		t.Fatalf("%v in %s", err, r.Stdout)
	}
	if len(list) != 1 || list[0].ID != c.ID || list[0].Status != specs.StateCreated || list[0].Owner != "root" ||
		list[0].Pid != c.State().Pid {
		t.Errorf("got %+v", list)
	}
	if list[0].Rootfs != c.Path("") || list[0].Bundle != c.Bundle {
		t.Errorf("rootfs %s, bundle %s", list[0].Rootfs, list[0].Bundle)
	}
	c.Do("list", "--quiet").OK().Prints(c.ID)
	if r := c.Do("list").OK(); !strings.Contains(r.Stdout, c.ID) || !strings.HasPrefix(r.Stdout, "ID ") {
		t.Errorf("the table: %s", r.Stdout)
	}
	c.Delete("--force").OK()
	c.Do("list", "-f", "json").OK().Prints("null")
}

// 200 containers, 20 at a time, from create to delete.
func TestManyContainers(t *testing.T) {
	t.Parallel()
	const count, together = 200, 20
	base := bundle.New(t, bundle.Args("sleep", "1000")) // all use its root filesystem
	ids := make(chan int)
	go func() {
		defer close(ids)
		for i := range count {
			ids <- i
		}
	}()
	var wg sync.WaitGroup
	for range together {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range ids {
				if err := liveAndDie(base, fmt.Sprintf("%s-%d", base.ID, i)); err != nil {
					t.Errorf("container %d: %v", i, err)
				}
			}
		}()
	}
	wg.Wait()
	if entries, err := os.ReadDir(base.Root); err != nil || len(entries) > 0 {
		t.Errorf("state that is left: %v, %v", entries, err)
	}
	mounts, err := bundle.CgroupMounts()
	if err != nil {
		t.Fatal(err)
	}
	for _, mount := range mounts {
		if left, _ := filepath.Glob(filepath.Join(mount, base.Cgroup+"-*")); len(left) > 0 {
			t.Errorf("cgroups that are left: %v", left)
		}
	}
	base.LeavesNothing()
}

// liveAndDie takes a container through its life.
func liveAndDie(base *bundle.Container, id string) error {
	config := filepath.Join(base.Dir, id+".json")
	log := filepath.Join(base.Dir, id+".log")
	s := bundle.Spec(bundle.Args("sleep", "1000"), func(s *specs.Spec) {
		s.Linux.CgroupsPath = bundle.CgroupsPath(filepath.Join(filepath.Dir(base.Cgroup), id))
	})
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.WriteFile(config, data, 0o644); err != nil {
		return err
	}
	call := func(args ...string) error {
		cmd := base.Command(append([]string{"--log", log}, args...)...)
		if err := cmd.Run(); err != nil {
			text, _ := os.ReadFile(log)
			return fmt.Errorf("%v: %w: %s", args, err, text)
		}
		return nil
	}
	for _, args := range [][]string{
		{"create", "--bundle", base.Bundle, "--config", config, id}, {"start", id}, {"state", id}, {"kill", id, "KILL"},
	} {
		if err := call(args...); err != nil {
			return errors.Join(err, call("delete", "--force", id))
		}
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		state, err := base.Command("state", id).Output()
		if err != nil {
			return fmt.Errorf("state: %w", err)
		}
		if bytes.Contains(state, []byte(`"stopped"`)) {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("killed, but %s", state)
		}
	}
	return call("delete", id)
}

// rung goes by the specification: only a stopped container can be deleted.
func TestDeleteRefusesACreatedContainer(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	c.Create().OK()
	c.Delete().Exits(1)
	if s := c.State(); s.Status != specs.StateCreated {
		t.Errorf("status %s", s.Status)
	}
	c.Delete("--force").OK()
	c.LeavesNothing()
}
