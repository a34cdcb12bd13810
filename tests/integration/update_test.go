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
	names := []string{"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes",
		"cpu.shares", "cpu.cfs_quota_us",
		"cpu.cfs_period_us", "cpu.cfs_burst_us", "cpu.idle", "cpuset.cpus", "cpuset.mems", "pids.max", "devices.list"}
	if unifiedOnly() {
		names = []string{"memory.max", "memory.swap.max", "memory.low", "cpu.weight", "cpu.max", "cpu.max.burst",
			"cpu.idle", "pids.max", "cgroup.max.depth"}
	}
	var b strings.Builder
	for _, name := range names {
		file := cgroupFile(t, c, name)
		if _, err := os.Stat(file); err != nil && unifiedOnly() {
			fmt.Fprintf(&b, "%s: %s\n", name, unifiedDefaults[name]) // the controller is not enabled yet
			continue
		}
		fmt.Fprintf(&b, "%s: %s\n", name, read(t, file))
	}
	return b.String()
}

// unifiedDefaults are what the files of a new cgroup hold.
var unifiedDefaults = map[string]string{"memory.max": "max", "memory.swap.max": "max", "memory.low": "0",
	"cpu.weight": "100", "cpu.max": "max 100000", "cpu.max.burst": "0", "cpu.idle": "0", "pids.max": "max"}

// Each flag changes its files and nothing else.
func TestUpdateFlags(t *testing.T) {
	t.Parallel()
	c := running(t, idle, resources(func(r *specs.LinuxResources) {
		r.Memory = &specs.LinuxMemory{Limit: ptr(int64(100 << 20)), Swap: ptr(int64(200 << 20))}
	}))
	for _, f := range []struct{ flag, v1, v2 string }{
		// v2 has a limit of swap by itself, and that of both stays what it was
		{"--memory=50M", "memory.limit_in_bytes=52428800", "memory.max=52428800 memory.swap.max=157286400"},
		{"--memory=64MiB", "memory.limit_in_bytes=67108864", "memory.max=67108864 memory.swap.max=142606336"},
		{"--memory=134217728", "memory.limit_in_bytes=134217728", "memory.max=134217728 memory.swap.max=75497472"},
		{"--memory-swap=0.5g", "memory.memsw.limit_in_bytes=536870912", "memory.swap.max=402653184"},
		{"--memory-swap=-1", "memory.memsw.limit_in_bytes=9223372036854771712", "memory.swap.max=max"},
		{"--memory=-1", "memory.limit_in_bytes=9223372036854771712", "memory.max=max"},
		{"--memory-reservation=20m", "memory.soft_limit_in_bytes=20971520", "memory.low=20971520"}, // v2-check 5
		{"--cpu-share=99", "cpu.shares=99", "cpu.weight=17"},
		{"--cpu-period=50000", "cpu.cfs_period_us=50000", "cpu.max=max,50000"}, // v2-check 1
		{"--cpu-quota=20000", "cpu.cfs_quota_us=20000", "cpu.max=20000,50000"}, // v2-check 2
		{"--cpu-burst=10000", "cpu.cfs_burst_us=10000", "cpu.max.burst=10000"},
		{"--cpu-burst=0", "cpu.cfs_burst_us=0", "cpu.max.burst=0"},
		{"--cpu-quota=-1", "cpu.cfs_quota_us=-1", "cpu.max=max,50000"},
		{"--cpuset-cpus=0", "cpuset.cpus=0", "cpuset.cpus=0"},
		{"--cpuset-mems=0", "cpuset.mems=0", "cpuset.mems=0"},
		{"--pids-limit=50", "pids.max=50", "pids.max=50"},
		{"--pids-limit=-1", "pids.max=max", "pids.max=max"},
		{"--cpu-idle=1", "cpu.idle=1 cpu.shares=", "cpu.idle=1 cpu.weight=1"}, // which is a weight as well
		{"--cpu-idle=0", "cpu.idle=0 cpu.shares=99", "cpu.idle=0 cpu.weight=17"},
	} {
		t.Run(f.flag, func(t *testing.T) { onlyUpdates(t, c, f.flag, strings.Fields(named(f.v1, f.v2))) })
	}
}

// onlyUpdates calls update with a flag and looks at all files: those that are to change,
// "FILE=VALUE" with a comma for a space, and the others. Nothing is said of an empty value.
func onlyUpdates(t *testing.T, c *bundle.Container, flag string, want []string) {
	before := limits(t, c)
	values := map[string]string{}
	for _, w := range want {
		file, value, _ := strings.Cut(w, "=")
		values[file] = strings.ReplaceAll(value, ",", " ")
		cgroupFile(t, c, file) // or the test is skipped
	}
	c.Do("update", flag, c.ID).OK()
	after := strings.Split(limits(t, c), "\n")
	for i, line := range strings.Split(before, "\n") {
		file, _, _ := strings.Cut(line, ":")
		if _, changes := values[file]; !changes && after[i] != line {
			t.Errorf("%q became %q", line, after[i])
		}
	}
	for file, value := range values {
		if value == "" {
			continue
		}
		if got := read(t, cgroupFile(t, c, file)); got != value {
			t.Errorf("%s is %s, want %s", file, got, value)
		}
	}
}

// Flags that are wrong, or mean nothing, change nothing.
func TestUpdateFlagsThatChangeNothing(t *testing.T) {
	t.Parallel()
	c := running(t, idle, resources(func(r *specs.LinuxResources) {
		r.Memory = &specs.LinuxMemory{Limit: ptr(int64(100 << 20)), Swap: ptr(int64(200 << 20))}
	}))
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
		"--cpuset-cpus=100000":  "linux.resources.cpu.cpus",
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
		if unifiedOnly() {
			want = map[int64]int64{512: 59, 300: 39}[want]
		}
		if got := cgroupNumber(t, c, named("cpu.shares", "cpu.weight"), ""); got != want {
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
	shares, weight := named("cpu.shares", "cpu.weight"), int64(333)
	if unifiedOnly() {
		weight = 42
	}
	for name, want := range map[string]int64{named("memory.limit_in_bytes", "memory.max"): 70000000 &^ 4095,
		shares: weight, "pids.max": 100} {
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
	if !unifiedOnly() {
		if list := read(t, cgroupFile(t, c, "devices.list")); !strings.Contains(list, "c 10:200 rwm") ||
			!strings.Contains(list, "c 1:3 rwm") {
			t.Errorf("devices.list: %s", list)
		}
	}
	before := limits(t, c)
	update(`{"devices":[{"allow":false}],"cpu":{"shares":5},"pids":{"limit":1099511627776}}`).
		Fails("linux.resources.pids.limit")
	update(`{"memory":`).Fails("unexpected end of the document")
	update(`{"memory":{"limit":"1G"}}`).Fails("memory.limit")
	if !unifiedOnly() { // v2 kills instead
		update(`{"memory":{"limit":4096},"cpu":{"shares":6}}`).Fails("linux.resources.memory.limit", "more is in use")
	}
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
	if got := cgroupNumber(t, c, shares, ""); got != weight {
		t.Errorf("%s: %d", shares, got)
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
		if unifiedOnly() {
			continue // what a program allows, TestDeviceRules asks
		}
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
