package integration

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// setFrozen freezes or thaws a cgroup as `pause` and `resume` will.
func setFrozen(t *testing.T, dir, state string) {
	t.Helper()
	file := filepath.Join(dir, "freezer.state")
	if err := os.WriteFile(file, []byte(state), 0); err != nil {
		t.Fatal(err)
	}
	bundle.Eventually(t, state, func() bool { return read(t, file) == state })
}

func TestFreezer(t *testing.T) {
	t.Parallel()
	c := running(t, "i=0; echo ready; while :; do i=$((i+1)); echo $i >/tmp/count; done",
		resources(func(r *specs.LinuxResources) {
			r.CPU = &specs.LinuxCPU{Shares: ptr(uint64(2))}
		}))
	dir := filepath.Dir(cgroupFile(t, c, "freezer.state"))
	setFrozen(t, dir, "FROZEN")
	if s := c.State(); s.Status != "paused" || s.Pid == 0 {
		t.Errorf("frozen: status %s, pid %d", s.Status, s.Pid)
	}
	before := cgroupNumber(t, c, "cpuacct.usage", "")
	time.Sleep(50 * time.Millisecond)
	if after := cgroupNumber(t, c, "cpuacct.usage", ""); after != before {
		t.Errorf("a frozen container used %v of CPU time", time.Duration(after-before))
	}
	c.Start().Exits(1)
	c.Delete().Exits(1)
	setFrozen(t, dir, "THAWED")
	if s := c.State(); s.Status != specs.StateRunning {
		t.Errorf("thawed: status %s", s.Status)
	}
	bundle.Eventually(t, "progress after thawing", func() bool {
		return cgroupNumber(t, c, "cpuacct.usage", "") > before
	})
}

func TestKillOfAPausedContainer(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	setFrozen(t, filepath.Dir(cgroupFile(t, c, "freezer.state")), "FROZEN")
	c.Kill("KILL").OK()
	c.WaitStatus(specs.StateStopped)
	c.Delete().OK()
	c.LeavesNothing()
}

func TestDeleteForceOfAPausedContainer(t *testing.T) {
	t.Parallel()
	for _, script := range []string{idle, "sleep 1000 & sleep 1000 & " + idle} {
		c := running(t, script)
		setFrozen(t, filepath.Dir(cgroupFile(t, c, "freezer.state")), "FROZEN")
		c.Delete("--force").OK()
		c.LeavesNothing()
	}
}

// Joining a frozen cgroup would hang.
func TestFrozenCgroupIsRefused(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	dir := filepath.Join(hierarchy(t, "freezer"), c.Cgroup)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	setFrozen(t, dir, "FROZEN")
	c.Create().Fails("frozen", c.Cgroup)
	if _, err := os.Stat(dir); err == nil { // it was there before, it may still be
		setFrozen(t, dir, "THAWED")
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	}
	c.LeavesNothing()
}
