package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// limits are the files that the flags of update write.
func limits(t *testing.T, c *bundle.Container) string {
	t.Helper()
	var b strings.Builder
	for _, name := range []string{"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes",
		"cpu.shares", "cpu.cfs_quota_us",
		"cpu.cfs_period_us", "cpu.cfs_burst_us", "cpu.idle", "cpuset.cpus", "cpuset.mems", "pids.max", "devices.list"} {
		fmt.Fprintf(&b, "%s: %s\n", name, read(t, cgroupFile(t, c, name)))
	}
	return b.String()
}

// Each flag changes its file and nothing else.
func TestUpdateFlags(t *testing.T) {
	t.Parallel()
	c := running(t, idle, resources(func(r *specs.LinuxResources) {
		r.Memory = &specs.LinuxMemory{Limit: ptr(int64(100 << 20)), Swap: ptr(int64(200 << 20))}
	}))
	for _, f := range []struct{ flag, file, want string }{
		{"--memory=50M", "memory.limit_in_bytes", "52428800"},
		{"--memory=64MiB", "memory.limit_in_bytes", "67108864"},
		{"--memory=134217728", "memory.limit_in_bytes", "134217728"},
		{"--memory-swap=0.5g", "memory.memsw.limit_in_bytes", "536870912"},
		{"--memory-swap=-1", "memory.memsw.limit_in_bytes", "9223372036854771712"},
		{"--memory=-1", "memory.limit_in_bytes", "9223372036854771712"},
		{"--memory-reservation=20m", "memory.soft_limit_in_bytes", "20971520"},
		{"--cpu-share=99", "cpu.shares", "99"},
		{"--cpu-period=50000", "cpu.cfs_period_us", "50000"},
		{"--cpu-quota=20000", "cpu.cfs_quota_us", "20000"},
		{"--cpu-burst=10000", "cpu.cfs_burst_us", "10000"},
		{"--cpu-burst=0", "cpu.cfs_burst_us", "0"},
		{"--cpu-quota=-1", "cpu.cfs_quota_us", "-1"},
		{"--cpuset-cpus=0", "cpuset.cpus", "0"},
		{"--cpuset-mems=0", "cpuset.mems", "0"},
		{"--pids-limit=50", "pids.max", "50"},
		{"--pids-limit=-1", "pids.max", "max"},
		{"--cpu-idle=1", "cpu.idle", "1"},
		{"--cpu-idle=0", "cpu.idle", "0"},
	} {
		before := limits(t, c)
		c.Do("update", f.flag, c.ID).OK()
		if got := read(t, cgroupFile(t, c, f.file)); got != f.want {
			t.Errorf("update %s: %s is %s, want %s", f.flag, f.file, got, f.want)
		}
		after := strings.Split(limits(t, c), "\n")
		for i, line := range strings.Split(before, "\n") {
			// which is a weight as well
			if after[i] != line && !strings.HasPrefix(line, f.file+":") && f.flag != "--cpu-idle=1" &&
				f.flag != "--cpu-idle=0" {
				t.Errorf("update %s: %q became %q", f.flag, line, after[i])
			}
		}
	}
	before := limits(t, c)
	for _, flag := range []string{"--kernel-memory=5M", "--kernel-memory-tcp=5M", "--memory=0", "--cpu-share=0",
		"--cpu-quota=0"} {
		r := c.Do("update", flag, c.ID).OK()
		if strings.Contains(flag, "kernel") && !strings.Contains(r.Stderr, "kernel-memory") {
			t.Errorf("%s: no warning: %q", r, r.Stderr)
		}
	}
	for flag, want := range map[string]string{
		"--memory=lots":         "invalid value for memory",
		"--memory=-5":           "invalid value for memory",
		"--cpu-quota=abc":       "invalid value for cpu-quota",
		"--cpu-quota=5":         "cpu.quota: 5 is less than 1000",
		"--cpu-period=5":        "cpu.period",
		"--cpuset-cpus=4096":    "linux.resources.cpu.cpus",
		"--cpuset-cpus=x":       "cpu.cpus",
		"--blkio-weight=5":      "blockIO.weight",
		"--pids-limit=-5":       "pids.limit: -5 is less than -1",
		"--l3-cache-schema=L3":  "--l3-cache-schema: Intel RDT is not supported",
		"--mem-bw-schema=MB":    "--mem-bw-schema: Intel RDT is not supported",
		"--cpu-rt-runtime=x":    "invalid value for cpu-rt-runtime",
		"--cpu-rt-period=-1":    "invalid value for cpu-rt-period",
		"--resources=/no/where": "open /no/where: no such file or directory",
	} {
		c.Do("update", flag, c.ID).Fails(want)
	}
	if after := limits(t, c); after != before {
		t.Errorf("after updates that failed or changed nothing:\n%s\nbefore:\n%s", after, before)
	}
}

// A container that is idle no longer has the shares that it was given last.
func TestUpdateIdle(t *testing.T) {
	t.Parallel()
	c := running(t, idle, resources(func(r *specs.LinuxResources) {
		r.CPU = &specs.LinuxCPU{Shares: ptr(uint64(512))}
	}))
	shares := func(want int64) {
		t.Helper()
		if got := cgroupNumber(t, c, "cpu.shares", ""); got != want {
			t.Errorf("cpu.shares: %d, want %d", got, want)
		}
	}
	c.Do("update", "--cpu-idle=1", c.ID).OK()
	c.Do("update", "--cpu-idle=0", c.ID).OK()
	shares(512)
	c.Do("update", "--cpu-idle=1", "--pids-limit=1099511627776", c.ID).Fails("linux.resources.pids.limit")
	shares(512)
	c.Do("update", "--cpu-idle=1", "--cpu-share=300", c.ID).OK()
	c.Do("update", "--cpu-idle=0", c.ID).OK()
	shares(300)
}

// update --resources is a patch, and a later command finds what it made.
func TestUpdateResources(t *testing.T) {
	t.Parallel()
	c := running(t, idle, resources(func(r *specs.LinuxResources) {
		r.Memory = &specs.LinuxMemory{Limit: ptr(int64(100 << 20))}
		r.Pids = &specs.LinuxPids{Limit: ptr(int64(100))}
	}))
	file := filepath.Join(c.Dir, "resources.json")
	update := func(text string, flags ...string) bundle.Result {
		write(t, file, text)
		return c.Do(append([]string{"update", "--resources", file, c.ID}, flags...)...)
	}
	update(`{"memory":{"limit":70000000},"cpu":{"shares":333}}`).OK()
	for name, want := range map[string]int64{"memory.limit_in_bytes": 70000000 &^ 4095, "cpu.shares": 333,
		"pids.max": 100} {
		if got := cgroupNumber(t, c, name, ""); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	cmd := c.Command("update", "--resources", "-", c.ID)
	cmd.Stdin = strings.NewReader(`{"pids":{"limit":44},"cpu":null}`)
	c.Wait(cmd).OK()
	if got := cgroupNumber(t, c, "pids.max", ""); got != 44 {
		t.Errorf("pids.max: %d", got)
	}
	update(`{"devices":[{"allow":true,"type":"c","major":10,"minor":200,"access":"rwm"}]}`).OK()
	if list := read(t, cgroupFile(t, c, "devices.list")); !strings.Contains(list, "c 10:200 rwm") ||
		!strings.Contains(list, "c 1:3 rwm") {
		t.Errorf("devices.list: %s", list)
	}
	before := limits(t, c)
	update(`{"devices":[{"allow":false}],"cpu":{"shares":5},"pids":{"limit":1099511627776}}`).
		Fails("linux.resources.pids.limit")
	update(`{"memory":`).Fails("unexpected end of the document")
	update(`{"memory":{"limit":"1G"}}`).Fails("memory.limit")
	update(`{"memory":{"limit":4096},"cpu":{"shares":6}}`).Fails("linux.resources.memory.limit", "more is in use")
	update(`{"memory":{"limit":65536,"checkBeforeUpdate":true}}`).Fails("unable to set memory limit to 65536")
	if after := limits(t, c); after != before {
		t.Errorf("after updates that failed:\n%s\nbefore:\n%s", after, before)
	}
	if r := update(`{"memori":{}}`).OK(); !strings.Contains(r.Stderr, "memori: unknown property") {
		t.Errorf("an unknown property: %q", r.Stderr)
	}
	c.Do("--strict", "update", "--resources", file, c.ID).Fails("memori: unknown property")

	// with --resources the other flags are ignored
	update(`{"pids":{"limit":45}}`, "--cpu-share", "9").OK()
	if got := cgroupNumber(t, c, "cpu.shares", ""); got != 333 {
		t.Errorf("cpu.shares: %d", got)
	}
	saved := read(t, filepath.Join(c.Root, c.ID, "resources.json"))
	for _, part := range []string{`"limit":70000000`, `"shares":333`, `"limit":45`, `"minor":200`} {
		if !strings.Contains(saved, part) {
			t.Errorf("saved resources lack %s: %s", part, saved)
		}
	}
	c.Kill("KILL").OK()
	c.WaitStatus("stopped")
	update(`{}`).Fails("container not running: it is stopped")
	c.Delete().OK()
	c.LeavesNothing()
}

// What cannot be saved is not applied.
func TestUpdateUnsaved(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	before := limits(t, c)
	obstacle := filepath.Join(c.Root, c.ID, "resources.json.new")
	host(t, "mkdir", obstacle)
	c.Do("update", "--cpu-share", "55", "--pids-limit", "7", "--memory", "100M", c.ID).Fails("saving the resources")
	if after := limits(t, c); after != before {
		t.Errorf("after an update that was not saved:\n%s\nbefore:\n%s", after, before)
	}
	if err := os.Remove(obstacle); err != nil {
		t.Fatal(err)
	}
	c.Do("update", "--cpu-share", "55", c.ID).OK()
}

// A process that opens a device again and again does not see an update that allows
// and denies others.
func TestUpdateDevicesUndisturbed(t *testing.T) {
	t.Parallel()
	c := bundle.New(t,
		bundle.Shell(`echo ready; while [ ! -e /tmp/stop ]; do : </dev/null || echo denied; done; echo end`))
	created := start(t, c)
	file := filepath.Join(c.Dir, "resources.json")
	for i := range 20 {
		write(t, file,
			fmt.Sprintf(`{"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":10,"minor":%d,`+
				`"access":"rw"}]}`, 200+i%2))
		c.Do("update", "-r", file, c.ID).OK()
		list := read(t, cgroupFile(t, c, "devices.list"))
		if !strings.Contains(list, fmt.Sprintf("c 10:%d rw", 200+i%2)) ||
			strings.Contains(list, fmt.Sprintf("c 10:%d rw", 201-i%2)) {
			t.Fatalf("devices.list: %s", list)
		}
	}
	write(t, c.Path("tmp/stop"), "")
	c.WaitStatus("stopped")
	if stdout, stderr := created.Output(); stdout != "ready\nend\n" || stderr != "" {
		t.Errorf("the container printed %q, %q", stdout, stderr)
	}
}
