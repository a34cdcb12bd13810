package integration

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rung-oci/rung/tests/bundle"
)

// TestExecStress executes a thousand processes in one container, fifty at a time,
// while it is paused, resumed and updated. Only "paused" may be in the way, and
// nothing may be left.
func TestExecStress(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute: -short")
	}
	t.Parallel()
	const execs, atATime = 1000, 50
	c := running(t, idle)
	freezer := filepath.Dir(cgroupFile(t, c, "freezer.state"))
	disturb, changes := disturber(t, c, freezer)

	var done, paused atomic.Int64
	stop := make(chan struct{})
	var disturbing, executing sync.WaitGroup
	disturbing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				disturb()
			}
		}
	})
	queue := make(chan int)
	for range atATime {
		executing.Go(func() {
			for i := range queue {
				for !execNumber(t, c, i) {
					paused.Add(1)
					time.Sleep(time.Millisecond)
				}
				done.Add(1)
			}
		})
	}
	for i := range execs {
		queue <- i
	}
	close(queue)
	executing.Wait()
	close(stop)
	disturbing.Wait()
	t.Logf("%d processes, %d times paused, %d changes of the container", done.Load(), paused.Load(), changes.Load())
	if changes.Load() < 10 {
		t.Error("the container was hardly disturbed")
	}
	if data, err := os.ReadFile(filepath.Join(freezer, "freezer.state")); err != nil ||
		strings.TrimSpace(string(data)) != "THAWED" {
		t.Errorf("the container is %s, %v", data, err)
	}
	bundle.Eventually(t, "end of all processes but the first", func() bool {
		return len(strings.Fields(read(t, filepath.Join(freezer, "cgroup.procs")))) == 1
	})
	if left, _ := filepath.Glob(filepath.Join(freezer, "*", "tasks")); len(left) > 0 {
		t.Errorf("cgroups are left: %v", left)
	}
	c.Delete("--force").OK()
	c.LeavesNothing()
}

// execNumber executes one of the processes, and reports whether it could: the container
// may be paused. Of each third only whether it was executed can be seen.
func execNumber(t *testing.T, c *bundle.Container, i int) bool {
	args, want := []string{"exec", c.ID, "sh", "-c", "exit 3"}, 3
	if i%3 == 0 {
		args, want = []string{"exec", "--detach", c.ID, "true"}, 0
	}
	cmd := c.Command(args...)
	out, _ := cmd.CombinedOutput()
	code := exitStatus(cmd.ProcessState)
	if code == execFailure && strings.Contains(string(out), "cannot exec in a paused container") {
		return false
	}
	if code != want || len(out) > 0 {
		t.Errorf("%v: exit status %d, want %d: %s", args, code, want, out)
	}
	return true
}

// disturber returns what changes the container once, and counts that: pause,
// update and resume, or, as long as rung has not got these, the freezer itself.
func disturber(t *testing.T, c *bundle.Container, freezer string) (disturb func(), changes *atomic.Int64) {
	changes = new(atomic.Int64)
	if help := c.Do("--help").Stdout; strings.Contains(help, "resume") && strings.Contains(help, "update") {
		return func() {
			for _, args := range [][]string{{"pause"}, {"update", "--cpu-share", "512"}, {"resume"},
				{"update", "--cpu-share", "1024"}} {
				cmd := c.Command(append(args, c.ID)...)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v: %v: %s", args, err, out)
				}
				changes.Add(1)
				time.Sleep(5 * time.Millisecond)
			}
		}, changes
	}
	t.Log("rung has no pause, resume and update: the freezer is written to instead")
	return func() {
		for _, state := range []string{"FROZEN", "THAWED"} {
			if err := os.WriteFile(filepath.Join(freezer, "freezer.state"), []byte(state), 0); err != nil {
				t.Error(err)
			}
			changes.Add(1)
			time.Sleep(5 * time.Millisecond)
		}
	}, changes
}
