package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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
			c := bundle.New(t, bundle.Shell("trap 'echo caught; exit 0' USR1; echo ready; while :; do sleep 0.01; done"))
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
		{"no such bind source", bundle.Mount(specs.Mount{Destination: "/mnt", Source: "/missing", Options: []string{"bind"}})},
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
