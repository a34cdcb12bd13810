// Package compat tests rung through github.com/containerd/go-runc, by which
// containerd, Docker and buildkit call a runtime: its commands, and its types for
// what the commands print. It is a module of its own, so that rung's has no more
// dependencies than rung.
package compat

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	runc "github.com/containerd/go-runc"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

func TestMain(m *testing.M) {
	runc.Monitor = monitor{}
	bundle.Main(m)
}

// monitor waits for a command once its output was read. The library's own waits at
// once, by [exec.Cmd.Wait], which closes the pipe under the reader: the end of
// Events was then, now and then, an endless stream of “file already closed”.
type monitor struct{}

func (monitor) Start(c *exec.Cmd) (chan runc.Exit, error) { return nil, c.Start() }

func (monitor) StartLocked(*exec.Cmd) (chan runc.Exit, error) {
	return nil, errors.ErrUnsupported // for Pdeathsig, which no test sets
}

func (monitor) Wait(c *exec.Cmd, _ chan runc.Exit) (int, error) {
	err := c.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// started makes a container by way of go-runc, whose script prints nothing.
func started(t *testing.T, script string, changes ...bundle.Change) (*bundle.Container, *runc.Runc) {
	t.Helper()
	c := bundle.New(t, append([]bundle.Change{bundle.Shell(script)}, changes...)...)
	r := &runc.Runc{Command: c.Runtime.Path, Root: c.Root, Log: filepath.Join(c.Dir, "log.json"), LogFormat: runc.JSON}
	io, err := runc.NewNullIO()
	if err != nil {
		t.Fatal(err)
	}
	defer io.Close()
	pidFile := filepath.Join(c.Dir, "pid")
	if err := r.Create(t.Context(), c.ID, c.Bundle, &runc.CreateOpts{PidFile: pidFile, IO: io}); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if pid, err := runc.ReadPidFile(pidFile); err != nil || pid != c.State().Pid {
		t.Errorf("pid file: %d, %v", pid, err)
	}
	return c, r
}

func ptr[T any](v T) *T { return &v }

func limited(s *specs.Spec) {
	s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: ptr(int64(64 << 20))}
	s.Linux.Resources.Pids = &specs.LinuxPids{Limit: ptr(int64(50))}
	s.Annotations = map[string]string{"org.example.key": "value"}
}

func TestStateAndList(t *testing.T) {
	c, r := started(t, "exec sleep 1000", limited)
	state, err := r.State(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if state.ID != c.ID || state.Pid != c.State().Pid || state.Status != "running" || state.Bundle != c.Bundle ||
		state.Rootfs != c.Path("") || time.Since(state.Created) > time.Minute ||
		state.Annotations["org.example.key"] != "value" {
		t.Errorf("state: %+v", state)
	}
	list, err := r.List(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != c.ID || list[0].Pid != state.Pid ||
		!list[0].Created.Equal(state.Created) {
		t.Errorf("list: %+v, %v", list, err)
	}
	if _, err := r.State(t.Context(), "nobody"); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("state of nobody: %v", err)
	}
	empty := &runc.Runc{Command: c.Runtime.Path, Root: t.TempDir()}
	if list, err := empty.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("list of none: %v, %v", list, err)
	}
}

func TestPsAndTop(t *testing.T) {
	c, r := started(t, "sleep 1000 & exec sleep 1000")
	var pids []int
	bundle.Eventually(t, "two processes", func() bool {
		var err error
		if pids, err = r.Ps(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
		return len(pids) == 2
	})
	if !slices.Contains(pids, c.State().Pid) {
		t.Errorf("ps: %v", pids)
	}
	for _, options := range []string{"-ef", "-o pid,args", "aux"} {
		top, err := r.Top(t.Context(), c.ID, options)
		if err != nil {
			t.Errorf("top %s: %v", options, err)
			continue
		}
		if len(top.Processes) != 2 || !slices.Contains(top.Headers, "PID") {
			t.Errorf("top %s: %+v", options, top)
		}
	}
}

func TestStatsAndEvents(t *testing.T) {
	c, r := started(t, "i=0; while [ $i -lt 5000 ]; do i=$((i+1)); done; exec sleep 1000", limited)
	stats, err := r.Stats(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if stats.Cpu.Usage.Total == 0 || len(stats.Cpu.Usage.Percpu) == 0 || stats.Memory.Usage.Limit != 64<<20 ||
		stats.Memory.Usage.Usage == 0 ||
		stats.Memory.Raw["hierarchical_memory_limit"] != 64<<20 || stats.Pids.Current != 1 || stats.Pids.Limit != 50 {
		t.Errorf("stats: %+v", stats)
	}
	events, err := r.Events(t.Context(), c.ID, time.Second) // it passes on whole seconds
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for e := range events {
		if e.Err != nil { // it would come again and again
			t.Fatal(e.Err)
		}
		if e.Type != "stats" || e.ID != c.ID || e.Stats == nil {
			t.Errorf("event: %+v", e)
		}
		if n++; n == 3 {
			if err := r.Kill(t.Context(), c.ID, 9, nil); err != nil {
				t.Error(err)
			}
		}
	}
	if n < 3 {
		t.Errorf("%d events", n)
	}
}

func TestUpdate(t *testing.T) {
	c, r := started(t, "exec sleep 1000", limited)
	err := r.Update(t.Context(), c.ID, &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(32 << 20))}})
	if err != nil {
		t.Fatal(err)
	}
	stats, err := r.Stats(t.Context(), c.ID)
	if err != nil || stats.Memory.Usage.Limit != 32<<20 || stats.Pids.Limit != 50 {
		t.Errorf("after update: %+v, %v", stats, err)
	}
	err = r.Update(t.Context(), c.ID, &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(1) << 40)}})
	if err == nil || !strings.Contains(err.Error(), "pids.limit") {
		t.Errorf("update beyond the kernel's limits: %v", err)
	}
}

// A container's states as the shim goes through them: pause, resume, kill, and
// delete with and without force in each.
func TestStates(t *testing.T) {
	c, r := started(t, "exec sleep 1000")
	ctx := context.Background()
	status := func(want string) {
		t.Helper()
		if s, err := r.State(ctx, c.ID); err != nil || s.Status != want {
			t.Fatalf("state: %+v, %v; want %s", s, err, want)
		}
	}
	if err := r.Pause(ctx, c.ID); err != nil {
		t.Fatal(err)
	}
	status("paused")
	if err := r.Delete(ctx, c.ID, nil); err == nil {
		t.Fatal("a paused container was deleted")
	}
	if err := r.Resume(ctx, c.ID); err != nil {
		t.Fatal(err)
	}
	status("running")
	for _, kill := range []struct {
		signal int
		opts   *runc.KillOpts
		// the first process of a pid namespace ignores the first two
	}{{64, nil}, {34, &runc.KillOpts{All: true}}, {9, nil}} {
		if err := r.Kill(ctx, c.ID, kill.signal, kill.opts); err != nil {
			t.Fatal(err)
		}
	}
	bundle.Eventually(t, "end", func() bool { return c.State().Status == "stopped" })
	err := r.Kill(ctx, c.ID, 9, nil)
	if err == nil || !strings.Contains(err.Error(), "container not running") {
		t.Errorf("kill of a stopped container: %v", err)
	}
	if err := r.Delete(ctx, c.ID, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Delete(ctx, c.ID, nil); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("delete of none: %v", err)
	}
	if err := r.Delete(ctx, c.ID, &runc.DeleteOpts{Force: true}); err != nil {
		t.Errorf("delete --force of none: %v", err)
	}
	c.LeavesNothing()
}

func TestDeleteForce(t *testing.T) {
	for _, state := range []string{"running", "paused"} {
		c, r := started(t, "sleep 1000 & exec sleep 1000")
		if state == "paused" {
			if err := r.Pause(t.Context(), c.ID); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Delete(t.Context(), c.ID, &runc.DeleteOpts{Force: true}); err != nil {
			t.Errorf("%s: %v", state, err)
		}
		c.LeavesNothing()
	}
}

// The shim finds the cause of a failure in the log.
func TestLog(t *testing.T) {
	c, r := started(t, "exec sleep 1000")
	if err := r.Resume(t.Context(), c.ID); err == nil {
		t.Fatal("a running container was resumed")
	}
	text, err := os.ReadFile(r.Log)
	if err != nil {
		t.Fatal(err)
	}
	if want := `"msg":"container not paused: it is running"`; !strings.Contains(string(text), want) {
		t.Errorf("the log lacks %s: %s", want, text)
	}
}

func TestVersionAndFeatures(t *testing.T) {
	c := bundle.New(t)
	r := &runc.Runc{Command: filepath.Join(c.Dir, "runc")} // whose versions go-runc understands
	if err := os.Symlink(c.Runtime.Path, r.Command); err != nil {
		t.Fatal(err)
	}
	v, err := r.Version(t.Context())
	if err != nil || v.Runc == "" || v.Spec == "" || v.Commit == "" {
		t.Errorf("version: %+v, %v", v, err)
	}
	f, err := r.Features(t.Context())
	if err != nil || f.OCIVersionMax == "" || f.Linux == nil || len(f.Hooks) == 0 {
		t.Errorf("features: %+v, %v", f, err)
	}
}
