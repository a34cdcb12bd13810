package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// needsSystemd skips a test where systemd does not make the cgroups.
func needsSystemd(t *testing.T) {
	t.Helper()
	if !bundle.Systemd() {
		t.Skip("needs systemd as the driver of cgroups: go run ./tests/guest -form systemd")
	}
}

func systemctl(args ...string) (string, error) {
	if bundle.Rootless() {
		args = append([]string{"--user"}, args...)
	}
	out, err := exec.Command("systemctl", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func scope(c *bundle.Container) string { return filepath.Base(c.Cgroup) }

// shows requires properties of the container's unit and files of its cgroup.
func shows(t *testing.T, c *bundle.Container, when string, properties, files map[string]string) {
	t.Helper()
	for name, want := range properties {
		if got, err := systemctl("show", "--value", "--property", name, scope(c)); got != want || err != nil {
			t.Errorf("%s: %s is %q (%v), want %q", when, name, got, err, want)
		}
	}
	for file, want := range files {
		if got := read(t, cgroupFile(t, c, file)); got != want {
			t.Errorf("%s: %s is %q, want %q", when, file, got, want)
		}
	}
}

// limited are limits that systemd knows, and one of which it knows no more than hundredths.
func limited(r *specs.LinuxResources) {
	r.Memory = &specs.LinuxMemory{
		Limit: new(int64(64 << 20)), Swap: new(int64(96 << 20)), Reservation: new(int64(1 << 20)),
	}
	r.CPU = &specs.LinuxCPU{Shares: new(uint64(512)), Quota: new(int64(42500)), Period: new(uint64(100000))}
	r.Pids = &specs.LinuxPids{Limit: new(int64(30))}
	r.Unified = map[string]string{"memory.oom.group": "1", "memory.high": "50331648"}
}

var (
	limitedUnit = map[string]string{
		"MemoryMax": "67108864", "MemorySwapMax": "33554432", "MemoryLow": "1048576", "MemoryHigh": "50331648",
		"CPUWeight": "59", "CPUQuotaPerSecUSec": "430ms", "CPUQuotaPeriodUSec": "100ms", "TasksMax": "30",
		"OOMPolicy": "kill", "DevicePolicy": "auto", "Delegate": "yes",
	}
	limitedFiles = map[string]string{
		"memory.max": "67108864", "memory.swap.max": "33554432", "memory.low": "1048576", "memory.high": "50331648",
		"memory.oom.group": "1", "cpu.weight": "59", "cpu.max": "43000 100000", "pids.max": "30",
	}
)

// systemd that reads its units anew, or executes itself anew, changes neither limits nor devices.
func TestSystemdReload(t *testing.T) {
	needsSystemd(t)
	c := running(t, idle, resources(limited))
	for _, command := range [...]string{"", "daemon-reload", "daemon-reexec"} {
		if command != "" {
			if out, err := systemctl(command); err != nil {
				t.Fatalf("%s: %v: %s", command, err, out)
			}
		}
		bundle.Eventually(t, "answer of systemd", func() bool { _, err := systemctl("show"); return err == nil })
		shows(t, c, command, limitedUnit, limitedFiles)
		c.Exec(nil, "sh", "-c", "echo >/dev/null").OK()
	}
}

// An update is the unit's and the files', v2-check 5 and 2 among them.
func TestSystemdUpdate(t *testing.T) {
	needsSystemd(t)
	c := running(t, idle, resources(limited))
	c.Do("update", "--memory", "128M", "--memory-swap", "160M", "--memory-reservation", "2M", "--cpu-quota", "60000",
		"--pids-limit", "40", c.ID).OK()
	shows(t, c, "updated",
		map[string]string{"MemoryMax": "134217728", "MemorySwapMax": "33554432", "MemoryLow": "2097152",
			"CPUQuotaPerSecUSec": "600ms", "TasksMax": "40"},
		map[string]string{"memory.max": "134217728", "memory.swap.max": "33554432", "memory.low": "2097152",
			"cpu.max": "60000 100000", "pids.max": "40", "memory.oom.group": "1"})
	c.Do("update", "--cpu-quota", "500000", "--cpu-period", "1000000", c.ID).OK()
	c.Do("update", "--cpu-quota", "-1", c.ID).OK()
	shows(t, c, "without a quota", map[string]string{"CPUQuotaPerSecUSec": "infinity"},
		map[string]string{"cpu.max": "max 1000000"})
}

// v2-check 1: a period without a quota.
func TestSystemdPeriodAlone(t *testing.T) {
	needsSystemd(t)
	c := running(t, idle, resources(func(r *specs.LinuxResources) {
		r.CPU = &specs.LinuxCPU{Period: new(uint64(30000))}
	}))
	shows(t, c, "created", nil, map[string]string{"cpu.max": "max 30000"})
	c.Do("update", "--cpu-period", "40000", c.ID).OK()
	shows(t, c, "updated", nil, map[string]string{"cpu.max": "max 40000"})
}

// v2-check 8: a unit that has failed does not stay, and the name can be used again.
func TestSystemdFailedUnit(t *testing.T) {
	needsSystemd(t)
	ends := func(s *specs.Spec) {
		s.Annotations = map[string]string{"org.systemd.property.RuntimeMaxUSec": "uint64 1000000",
			"org.systemd.property.TimeoutStopSec": "1"}
	}
	c := bundle.New(t, bundle.Shell(idle), ends)
	for range 2 {
		c.Create().OK()
		c.Start().OK()
		c.WaitStatus(specs.StateStopped)
		c.Delete().OK()
		if out, err := systemctl("is-failed", scope(c)); err == nil {
			t.Errorf("is-failed says %s", out)
		}
	}
}

// v2-check 10: a unit that somebody else has stopped.
func TestSystemdStoppedByOthers(t *testing.T) {
	needsSystemd(t)
	c := running(t, idle)
	if out, err := systemctl("kill", "--signal", "KILL", scope(c)); err != nil {
		t.Fatal(err, out)
	}
	c.WaitStatus(specs.StateStopped)
	c.Exec(nil, "true").FailsWith(255, "stopped")
	c.Delete().OK()
}

// v2-check 21: zeros.
func TestSystemdZeros(t *testing.T) {
	needsSystemd(t)
	c := running(t, idle, resources(func(r *specs.LinuxResources) {
		r.CPU = &specs.LinuxCPU{Shares: new(uint64(0)), Quota: new(int64(0))}
		r.Pids = &specs.LinuxPids{Limit: new(int64(0))}
	}))
	shows(t, c, "created", map[string]string{"TasksMax": "1", "CPUWeight": "[not set]"},
		map[string]string{"pids.max": "0"})
}

// Annotations that can do harm need --allow.
func TestSystemdAnnotations(t *testing.T) {
	needsSystemd(t)
	const key = "org.systemd.property.JoinsNamespaceOf"
	c := bundle.New(t, bundle.Shell(idle), func(s *specs.Spec) {
		s.Annotations = map[string]string{key: "['x.service']", "org.systemd.property.TimeoutStopSec": "7"}
	})
	c.Create().Fails("annotations[" + key + "]: not allowed")
	c.LeavesNothing()
	c.Do("--allow", key, "create", "--bundle", c.Bundle, c.ID).OK()
	shows(t, c, "created", map[string]string{"TimeoutStopUSec": "7s"}, nil)
}

func TestSystemdRefusesPaths(t *testing.T) {
	needsSystemd(t)
	c := bundle.New(t)
	c.Configure(bundle.Shell(idle), func(s *specs.Spec) { s.Linux.CgroupsPath = "/a/path" })
	c.Create().Fails("linux.cgroupsPath", "SLICE:PREFIX:NAME")
}

func TestSystemdParallelCreates(t *testing.T) {
	needsSystemd(t)
	var all sync.WaitGroup
	for range 50 {
		c := bundle.New(t, bundle.Shell(idle))
		all.Go(func() { c.Create().OK() })
	}
	all.Wait()
}

// kill -9 of rung at any moment leaves no unit after delete --force.
func TestSystemdKilled(t *testing.T) {
	needsSystemd(t)
	for i := range 40 {
		c := bundle.New(t, bundle.Shell(idle))
		cmd := c.Command("create", "--bundle", c.Bundle, c.ID)
		time.AfterFunc(time.Duration(i)*3*time.Millisecond, func() {
			if cmd.Process != nil {
				cmd.Process.Kill()
			}
		})
		c.Wait(cmd)
		if _, err := os.Stat(filepath.Join(c.Root, c.ID)); err == nil {
			c.Delete("--force").OK()
		}
		bundle.Eventually(t, fmt.Sprintf("end of unit %s", scope(c)), func() bool {
			state, _ := systemctl("show", "--value", "--property", "LoadState", scope(c))
			return state == "not-found"
		})
	}
}
