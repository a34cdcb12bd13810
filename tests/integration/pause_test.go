package integration

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rung-oci/rung/tests/bundle"
)

func TestPause(t *testing.T) {
	t.Parallel()
	c := running(t, `echo ready; i=0; while :; do i=$((i+1)); echo $i >/tmp/n; done`)
	count := func() string { return read(t, c.Path("tmp/n")) }
	c.Do("pause", c.ID).OK()
	if s := c.State(); s.Status != "paused" {
		t.Errorf("status %s", s.Status)
	}
	before := count()
	time.Sleep(50 * time.Millisecond)
	if after := count(); after != before {
		t.Errorf("counted from %s to %s while paused", before, after)
	}
	c.Do("pause", c.ID).Fails("container not running: it is paused")
	c.Start().Fails("cannot start a container in the paused state")
	c.Delete().Fails("that is not stopped: paused")
	if got := c.Do("ps", "--format", "json", c.ID).OK().Stdout; got != fmt.Sprintf("[%d]\n", c.State().Pid) {
		t.Errorf("ps of a paused container: %q", got)
	}
	c.Do("resume", c.ID).OK()
	bundle.Eventually(t, "counting after resume", func() bool { return count() != before })
	c.Do("resume", c.ID).Fails("container not paused: it is running")

	c.Do("pause", c.ID).OK()
	c.Kill("KILL").OK()
	c.WaitStatus("stopped")
	c.Do("pause", c.ID).Fails("container not running: it is stopped")
	c.Do("resume", c.ID).Fails("container not paused: it is stopped")
	c.Delete().OK()
	c.Do("pause", c.ID).Fails("does not exist")
}

// A container that was only created can be paused, too, and starts after resume.
func TestPauseCreated(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("true"))
	c.Create().OK()
	c.Do("pause", c.ID).OK()
	c.Do("resume", c.ID).OK()
	if s := c.State(); s.Status != "created" {
		t.Errorf("status %s", s.Status)
	}
	c.Start().OK()
	c.WaitStatus("stopped")
}

// A paused container is deleted by force, whatever it has forked.
func TestDeletePaused(t *testing.T) {
	t.Parallel()
	c := running(t, "sleep 1000 & sleep 1000 & "+idle)
	c.Do("pause", c.ID).OK()
	c.Delete("--force").OK()
	c.LeavesNothing()
}

// Commands on one container take turns: none fails but those that find it in the
// other state, and in the end all of it works.
func TestConcurrentCommands(t *testing.T) {
	t.Parallel()
	c := running(t, "while :; do sleep 0.01; done & "+idle)
	var wait sync.WaitGroup
	for i := range 6 {
		wait.Go(func() {
			for n := range 10 {
				command := [...][]string{{"pause", c.ID}, {"resume", c.ID},
					{"update", "--cpu-share", fmt.Sprint(100 + n), c.ID},
					{"ps", "--format", "json", c.ID}, {"state", c.ID}, {"events", "--stats", c.ID}}[i]
				r := c.Do(command...)
				turn := i < 2 && (strings.Contains(r.Stderr, "it is paused") ||
					strings.Contains(r.Stderr, "it is running"))
				if r.Code != 0 && !turn {
					t.Errorf("%s: exit status %d: %s", r, r.Code, r.Stderr)
				}
			}
		})
	}
	wait.Wait()
	if c.State().Status == "paused" {
		c.Do("resume", c.ID).OK()
	}
	c.Do("update", "--cpu-share", "77", c.ID).OK()
	if got := cgroupNumber(t, c, "cpu.shares", ""); got != 77 {
		t.Errorf("cpu.shares: %d", got)
	}
}
