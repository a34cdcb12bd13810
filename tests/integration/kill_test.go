package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/tests/bundle"
)

// frozen freezes a cgroup of the freezer's hierarchy, until the test's end at most.
func frozen(t *testing.T, dir string) {
	t.Helper()
	t.Cleanup(func() { os.WriteFile(filepath.Join(dir, "freezer.state"), []byte("THAWED"), 0) })
	setFrozen(t, dir, "FROZEN")
}

// A container that is paused between a kill's look at it and the signal ends.
func TestKillOvertakenByPause(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("needs strace")
	}
	c := running(t, idle)
	cmd := c.Command("kill", c.ID, "KILL")
	cmd.Args = append([]string{"strace", "-f", "-o", "/dev/null", "-e", "trace=pidfd_send_signal", "-e",
		"inject=pidfd_send_signal:delay_enter=2000000"}, cmd.Args...)
	cmd.Path, _ = exec.LookPath("strace")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	bundle.Eventually(t, "kill that is about to signal", func() bool { return delayed(cmd.Process.Pid) })
	c.Do("pause", c.ID).OK()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("kill: %v: %s", err, stderr.String())
	}
	c.WaitStatus(specs.StateStopped)
	c.Delete().OK()
}

// delayed tells whether a thread of the process that a tracer has started stands at
// pidfd_send_signal.
func delayed(tracer int) bool {
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", tracer, tracer))
	for child := range strings.FieldsSeq(string(children)) {
		threads, _ := filepath.Glob("/proc/" + child + "/task/*/syscall")
		for _, thread := range threads {
			at, _ := os.ReadFile(thread)
			if strings.HasPrefix(string(at), strconv.Itoa(unix.SYS_PIDFD_SEND_SIGNAL)+" ") {
				return true
			}
		}
	}
	return false
}

// Whichever of kill and pause is first, the container ends, and no parent is blamed.
func TestKillRacesWithPause(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("sleep 1000 & exec sleep 1000"))
	for range 30 {
		c.Create().OK()
		c.Start().OK()
		var wait sync.WaitGroup
		wait.Go(func() {
			if r := c.Do("pause", c.ID); r.Code != 0 && !strings.Contains(r.Stderr, "container not running") {
				t.Errorf("%s: %s", r, r.Stderr)
			}
		})
		wait.Go(func() { c.Kill("KILL").OK() })
		wait.Wait()
		c.WaitStatus(specs.StateStopped)
		c.Delete().OK()
	}
}

// A pause can see the kill that came before it.
func TestKilledIsSeenWhileFrozen(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	init, err := process.Of(c.State().Pid)
	if err != nil {
		t.Fatal(err)
	}
	ends := func(want bool) {
		t.Helper()
		if ending, err := init.Ending(); ending != want || err != nil {
			t.Errorf("got %v, %v, want %v", ending, err, want)
		}
	}
	dir := filepath.Dir(cgroupFile(t, c, "freezer.state"))
	frozen(t, dir)
	ends(false)
	if err := syscall.Kill(init.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ends(true)
	if state, err := init.State(); state != process.Running || err != nil {
		t.Errorf("while frozen: %v, %v", state, err)
	}
	setFrozen(t, dir, "THAWED")
	c.WaitStatus(specs.StateStopped)
	ends(true)
}

// Below a frozen parent the signal is delivered, and works when that goes on.
func TestKillBelowFrozenParent(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]bundle.Change{
		"own pid namespace":  func(*specs.Spec) {},
		"host pid namespace": bundle.WithoutNamespace(specs.PIDNamespace),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outer := filepath.Join(bundle.CgroupParent(), "outer of "+name)
			t.Cleanup(func() { // after the container's
				if _, err := bundle.RemoveCgroups(outer); err != nil {
					t.Error(err)
				}
			})
			c := bundle.New(t)
			c.Cgroup = filepath.Join(outer, "inner")
			c.Configure(bundle.Shell("sleep 1000 & "+idle), change)
			start(t, c)
			parent := filepath.Dir(filepath.Dir(cgroupFile(t, c, "freezer.state")))
			frozen(t, parent)
			c.Kill("KILL").OK()
			c.Kill("KILL", "--all").OK()
			c.Delete("--force").Fails("a parent cgroup is frozen")
			setFrozen(t, parent, "THAWED")
			c.WaitStatus(specs.StateStopped)
			c.Delete().OK()
			c.LeavesNothing()
		})
	}
}

// What is frozen below the container's own cgroup ends, too: of containers within it.
func TestEndOfWhatIsFrozenBelow(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(c *bundle.Container){
		"delete": func(c *bundle.Container) { c.Delete("--force").OK() },
		"kill": func(c *bundle.Container) {
			c.Kill("KILL").OK()
			c.WaitStatus(specs.StateStopped)
			c.Delete().OK()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := running(t, "sleep 1000 & "+idle)
			dir := filepath.Dir(cgroupFile(t, c, "freezer.state"))
			sub := filepath.Join(dir, "a", "b")
			if err := os.MkdirAll(sub, 0o755); err != nil {
				t.Fatal(err)
			}
			var inner string
			bundle.Eventually(t, "second process", func() bool {
				pids := strings.Fields(read(t, filepath.Join(dir, "cgroup.procs")))
				inner = pids[len(pids)-1]
				return len(pids) == 2
			})
			write(t, filepath.Join(sub, "cgroup.procs"), inner)
			frozen(t, sub)
			end(c)
			c.LeavesNothing()
		})
	}
}

// A container with more processes than the caller may have descriptors ends whole.
func TestEndWithFewDescriptors(t *testing.T) {
	t.Parallel()
	const processes, descriptors = 120, 40
	for name, flags := range map[string][]string{"cgroup": nil, "no cgroup": {"--cgroup-manager", "disabled"}} {
		for _, args := range [][]string{{"kill", "ID", "KILL"}, {"delete", "--force", "ID"}} {
			t.Run(name+" "+args[0], func(t *testing.T) {
				t.Parallel()
				c := bundle.New(t)
				c.Runtime.Flags = append(c.Runtime.Flags, flags...)
				c.Configure(bundle.WithoutNamespace(specs.PIDNamespace), func(s *specs.Spec) {
					if flags != nil {
						s.Linux.CgroupsPath = ""
					}
				}, bundle.Shell(fmt.Sprintf("i=0; while [ $i -lt %d ]; do sleep 1000 & i=$((i+1)); done; %s", processes,
					idle)))
				start(t, c)
				pids := strings.FieldsFunc(c.Do("ps", "--format", "json", c.ID).OK().Stdout, func(r rune) bool {
					return r < '0' || r > '9'
				})
				if len(pids) <= processes {
					t.Fatalf("only %d processes", len(pids))
				}
				cmd := c.Command(strings.Fields(strings.ReplaceAll(strings.Join(args, " "), "ID", c.ID))...)
				cmd.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, descriptors)},
					cmd.Args...)
				cmd.Path = "/bin/sh"
				c.Wait(cmd).OK()
				for _, pid := range pids {
					if lives(pid) {
						t.Fatalf("process %s lives on", pid)
					}
				}
				if args[0] == "kill" {
					c.WaitStatus(specs.StateStopped)
					c.Delete().OK()
				}
				c.LeavesNothing()
			})
		}
	}
}

// lives tells whether there is a process that has not ended.
func lives(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}
