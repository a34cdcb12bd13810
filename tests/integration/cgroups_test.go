package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

// hierarchy is the mount point of the hierarchy of a controller.
func hierarchy(t *testing.T, controller string) string {
	t.Helper()
	if unifiedOnly() {
		if has := read(t, unifiedMount+"/cgroup.controllers"); !slices.Contains(strings.Fields(has), controller) {
			t.Skipf("cgroup v2 has no controller %s here, but %s", controller, has)
		}
		return unifiedMount
	}
	for _, line := range strings.Split(read(t, "/proc/self/mountinfo"), "\n") {
		before, after, _ := strings.Cut(line, " - ")
		fields, super := strings.Fields(before), strings.Fields(after)
		if super[0] == "cgroup" && slices.Contains(strings.Split(super[2], ","), controller) {
			return fields[4]
		}
	}
	t.Skipf("no cgroup v1 hierarchy of the controller %s is mounted", controller)
	return ""
}

const unifiedMount = "/sys/fs/cgroup"

// unifiedOnly reports whether all controllers are those of cgroup v2.
func unifiedOnly() bool {
	var fs unix.Statfs_t
	return unix.Statfs(unifiedMount, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC
}

// named is what a file, or a key in it, is called in the machine's version of cgroups.
func named(v1, v2 string) string {
	if unifiedOnly() {
		return v2
	}
	return v1
}

// cgroupFile is the path of a file of a container's cgroup, CONTROLLER.NAME.
func cgroupFile(t *testing.T, c *bundle.Container, name string) string {
	t.Helper()
	controller, _, _ := strings.Cut(name, ".")
	if controller == "cgroup" && unifiedOnly() {
		return filepath.Join(unifiedMount, c.Cgroup, name)
	}
	return filepath.Join(hierarchy(t, controller), c.Cgroup, name)
}

// cgroupNumber reads a number from a file of a container's cgroup: the one
// after key, or the file's only one.
func cgroupNumber(t *testing.T, c *bundle.Container, name, key string) int64 {
	t.Helper()
	text := read(t, cgroupFile(t, c, name))
	for _, line := range strings.Split(text, "\n") {
		number, found := line, key == ""
		if key != "" {
			number, found = strings.CutPrefix(line, key+" ")
		}
		if n, err := strconv.ParseInt(number, 10, 64); found && err == nil {
			return n
		}
	}
	t.Fatalf("%s: no number %s in %q", name, key, text)
	return 0
}

func resources(set func(*specs.LinuxResources)) bundle.Change {
	return func(s *specs.Spec) { set(s.Linux.Resources) }
}

func ptr[T any](v T) *T { return &v }

// favour gives the cgroup of all containers of the tests the most shares of the
// CPU, until the test ends: the quota is to be seen, and not what a busy machine
// leaves.
func favour(t *testing.T) {
	t.Helper()
	file := filepath.Join(hierarchy(t, "cpu"), bundle.CgroupParent(), named("cpu.shares", "cpu.weight"))
	if _, err := os.Stat(file); unifiedOnly() && err != nil {
		return // the controller is not enabled so far up
	}
	before := read(t, file)
	t.Cleanup(func() { os.WriteFile(file, []byte(before), 0) })
	if err := os.WriteFile(file, []byte(named("262144", "10000")), 0); err != nil {
		t.Fatal(err)
	}
}

// A loop that would take a whole CPU gets half of one. It runs alone, because
// what is measured is time.
func TestCPUQuota(t *testing.T) {
	c := running(t, "echo ready; while :; do :; done", resources(func(r *specs.LinuxResources) {
		r.CPU = &specs.LinuxCPU{Quota: ptr(int64(50000)), Period: ptr(uint64(100000)), Shares: ptr(uint64(8192))}
	}))
	favour(t)
	throttled := cgroupNumber(t, c, "cpu.stat", "nr_throttled")
	percent := 0.0
	for range 3 { // a busy machine may have given it less
		begin, before := time.Now(), cpuUsage(t, c)
		time.Sleep(5 * time.Second)
		used := cpuUsage(t, c) - before
		percent = 100 * float64(used) / float64(time.Since(begin))
		if percent >= 47 {
			break
		}
		t.Logf("%.1f %% in 5 s, trying again", percent)
	}
	if percent < 47 || percent > 53 {
		t.Errorf("used %.1f %% of a CPU in 5 s, want 50 ± 3", percent)
	}
	if n := cgroupNumber(t, c, "cpu.stat", "nr_throttled") - throttled; n < 10 {
		t.Errorf("throttled in %d periods of 50", n)
	}
	throttledFor := time.Duration(cgroupNumber(t, c, "cpu.stat", named("throttled_time", "throttled_usec")))
	if unifiedOnly() {
		throttledFor *= time.Microsecond
	}
	if throttledFor < 100*time.Millisecond {
		t.Errorf("throttled for %v", throttledFor)
	}
}

// cpuUsage is the time of the CPU that a container has used.
func cpuUsage(t *testing.T, c *bundle.Container) time.Duration {
	t.Helper()
	if unifiedOnly() {
		return time.Duration(cgroupNumber(t, c, "cpu.stat", "usage_usec")) * time.Microsecond
	}
	return time.Duration(cgroupNumber(t, c, "cpuacct.usage", ""))
}

func TestCPUSet(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	online := read(t, filepath.Join(hierarchy(t, "cpuset"), named("cpuset.cpus", "cpuset.cpus.effective")))
	cpu := online[strings.LastIndexAny(online, ",-")+1:] // the last one
	c := running(t, "grep Cpus_allowed_list /proc/self/status; echo ready; while :; do :; done",
		resources(func(r *specs.LinuxResources) {
			r.CPU = &specs.LinuxCPU{Cpus: cpu, Mems: "0", Shares: ptr(uint64(2))} // leave the CPU to the others
		}))
	pid := c.State().Pid
	if got := read(t, fmt.Sprintf("/proc/%d/status", pid)); !strings.Contains(got, "Cpus_allowed_list:\t"+cpu+"\n") {
		t.Errorf("not pinned to CPU %s:\n%s", cpu, got)
	}
	for range 20 {
		stat := read(t, fmt.Sprintf("/proc/%d/stat", pid))
		fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
		if processor := fields[39-3]; processor != cpu {
			t.Fatalf("runs on CPU %s, pinned to %s", processor, cpu)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if got := read(t, cgroupFile(t, c, "cpuset.mems")); got != "0" {
		t.Errorf("cpuset.mems: %s", got)
	}
}

func TestCPUShares(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, resources(func(r *specs.LinuxResources) {
		r.CPU = &specs.LinuxCPU{Shares: ptr(uint64(512)), Period: ptr(uint64(50000)), Quota: ptr(int64(-1))}
	}))
	c.Create().OK()
	want := map[string]string{"cpu.shares": "512", "cpu.cfs_period_us": "50000", "cpu.cfs_quota_us": "-1"}
	if unifiedOnly() {
		want = map[string]string{"cpu.weight": "59", "cpu.max": "max 50000"}
	}
	for name, want := range want {
		if got := read(t, cgroupFile(t, c, name)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	const limit = 16 << 20
	c := bundle.New(t, bundle.Shell(`
		head -c 8000000 /dev/zero >/dev/shm/fits && echo fits
		tail -n 1 /dev/zero
		echo "status $?"
		`+idle), resources(func(r *specs.LinuxResources) {
		r.Memory = &specs.LinuxMemory{Limit: ptr(int64(limit)), Swap: ptr(int64(2 * limit)),
			Reservation: ptr(int64(limit / 2))}
	}))
	created := start(t, c)
	if stdout, _ := created.Output(); stdout != "fits\nstatus 137\nready\n" {
		t.Errorf("got %q", stdout)
	}
	for _, check := range []struct {
		file, key   string
		least, most int64
	}{
		{named("memory.limit_in_bytes", "memory.max"), "", limit, limit},
		{named("memory.soft_limit_in_bytes", "memory.low"), "", limit / 2, limit / 2},
		// v1's kernel does not count where the limit of swap is the same
		{named("memory.failcnt", "memory.events"), named("", "max"), 1, 1 << 40},
		{named("memory.oom_control", "memory.events"), "oom_kill", 1, 1},
		{named("memory.max_usage_in_bytes", "memory.peak"), "", limit * 9 / 10, limit},
	} {
		if got := cgroupNumber(t, c, check.file, check.key); got < check.least || got > check.most {
			t.Errorf("%s %s: %d, want %d to %d", check.file, check.key, got, check.least, check.most)
		}
	}
}

// Who reads the error of a container that its memory limit does not let begin
// is told of the limit.
func TestMemoryLimitTooSmallToStart(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, resources(func(r *specs.LinuxResources) {
		r.Memory = &specs.LinuxMemory{Limit: ptr(int64(8192)), Swap: ptr(int64(8192))}
	}))
	r := c.Run().Exits(1)
	if !strings.Contains(r.Stderr, "linux.resources.memory.limit") || !strings.Contains(r.Stderr, "8192") {
		t.Errorf("the error does not name the limit: %s", r.Stderr)
	}
	c.LeavesNothing()
}

func TestDeviceRules(t *testing.T) {
	t.Parallel()
	const open = "mknod /tmp/kmsg c 1 11; (: >/tmp/kmsg) 2>&1 && echo written; (: </tmp/kmsg) 2>&1 && echo read"
	kmsg := func(allow bool, access string) specs.LinuxDeviceCgroup {
		return specs.LinuxDeviceCgroup{Allow: allow, Type: "c", Major: ptr(int64(1)), Minor: ptr(int64(11)),
			Access: access}
	}
	everything := specs.LinuxDeviceCgroup{Allow: true, Access: "rwm"}
	nothing := specs.LinuxDeviceCgroup{Allow: false, Access: "rwm"}
	tests := []struct {
		name        string
		rules       []specs.LinuxDeviceCgroup
		write, read bool
	}{
		{"nothing allowed", []specs.LinuxDeviceCgroup{nothing}, false, false},
		{"to write", []specs.LinuxDeviceCgroup{nothing, kmsg(true, "w")}, true, false},
		{"to read and write", []specs.LinuxDeviceCgroup{nothing, kmsg(true, "rwm")}, true, true},
		{"another device", []specs.LinuxDeviceCgroup{nothing,
			{Allow: true, Type: "b", Major: ptr(int64(1)), Minor: ptr(int64(11)), Access: "rwm"}}, false, false},
		{"all", []specs.LinuxDeviceCgroup{everything}, true, true},
		{"all but one", []specs.LinuxDeviceCgroup{everything, kmsg(false, "rw")}, false, false},
		{"all but to read", []specs.LinuxDeviceCgroup{everything, kmsg(false, "r")}, true, false},
		{"later rules win", []specs.LinuxDeviceCgroup{nothing, kmsg(true, "rw"), kmsg(false, "w")}, false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := printed(t, open+"; echo x >/dev/null && echo null", capabilities("CAP_MKNOD", "CAP_SYSLOG"),
				resources(func(r *specs.LinuxResources) { r.Devices = test.rules }))
			if strings.Contains(got, "written") != test.write || strings.Contains(got, "read") != test.read {
				t.Errorf("want write %v, read %v; got %q", test.write, test.read, got)
			}
			if !test.read && !strings.Contains(got, "Operation not permitted") {
				t.Errorf("not denied with EPERM: %q", got)
			}
			if !strings.HasSuffix(got, "null") {
				t.Errorf("a default device is denied: %q", got)
			}
		})
	}
}

func TestPIDsLimit(t *testing.T) {
	t.Parallel()
	c := bundle.New(t,
		bundle.Shell("trap 'echo trapped' EXIT; for i in 1 2 3 4 5 6 7 8; do sleep 1000 & echo $i; done"),
		resources(func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: ptr(int64(4))} }))
	r := c.Run("--keep")
	if r.Code == 0 || !strings.Contains(r.Stderr, "can't fork") || !strings.HasPrefix(r.Stdout, "1\n2\n3\n") ||
		strings.Contains(r.Stdout, "4") {
		t.Errorf("exit status %d, stdout %q, stderr %q; want a failure after 3 processes", r.Code, r.Stdout, r.Stderr)
	}
	if got := cgroupNumber(t, c, "pids.max", ""); got != 4 {
		t.Errorf("pids.max: %d", got)
	}
	if got := cgroupNumber(t, c, "pids.events", "max"); got != 1 {
		t.Errorf("pids.events counts %d failed forks, want 1", got)
	}
}

func TestAccounting(t *testing.T) {
	t.Parallel()
	c := running(t,
		"head -c 20000000 /dev/zero >/dev/shm/file; rm /dev/shm/file; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); "+
			"done; "+idle, resources(func(r *specs.LinuxResources) {
			r.Memory = &specs.LinuxMemory{Limit: ptr(int64(256 << 20))} // without, v2 does not account it
		}))
	if got := cpuUsage(t, c); got < 20*time.Millisecond || got > 10*time.Second {
		t.Errorf("time of the CPU: %v", got)
	}
	peak := cgroupNumber(t, c, named("memory.max_usage_in_bytes", "memory.peak"), "")
	if peak < 20000000 || peak > 100000000 {
		t.Errorf("the peak of memory: %d bytes", peak)
	}
	if got := cgroupNumber(t, c, named("memory.usage_in_bytes", "memory.current"), ""); got > 15000000 {
		t.Errorf("memory in use: %d bytes", got)
	}
}

// What the machine cannot apply is an error that names property and file.
func TestResourcesThatCannotBeApplied(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		set  func(*specs.LinuxResources)
		want []string
	}{
		{"cpus", func(r *specs.LinuxResources) {
			r.CPU = &specs.LinuxCPU{Cpus: "1000"}
		}, []string{"cpuset", "cpuset.cpus"}},
		{"mems", func(r *specs.LinuxResources) {
			r.CPU = &specs.LinuxCPU{Mems: "99"}
		}, []string{"cpuset", "cpuset.mems"}},
		{"swap below limit", func(r *specs.LinuxResources) {
			r.Memory = &specs.LinuxMemory{Limit: ptr(int64(1 << 24)), Swap: ptr(int64(1 << 23))}
		}, []string{"memory", "swap"}},
		{named("swappiness", "swap without a limit"), func(r *specs.LinuxResources) {
			r.Memory = &specs.LinuxMemory{Swappiness: ptr(uint64(1000))}
			if unifiedOnly() {
				r.Memory = &specs.LinuxMemory{Swap: ptr(int64(1 << 24))}
			}
		}, []string{named("swappiness", "linux.resources.memory.swap")}},
		{"rdma", func(r *specs.LinuxResources) {
			r.Rdma = map[string]specs.LinuxRdma{"mlx5_1": {HcaHandles: ptr(uint32(1))}}
		}, []string{"rdma"}},
		{"unified", func(r *specs.LinuxResources) {
			r.Unified = map[string]string{"missing.max": "1"}
		}, []string{"missing"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, resources(test.set))
			c.Create().Fails(test.want...)
			c.LeavesNothing()
		})
	}
}

// The cgroup filesystems of a container show its own cgroup, read-only.
func TestCgroupMounts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change bundle.Change
	}{
		{"host's namespace", func(*specs.Spec) {}},
		{"own namespace", bundle.Namespace(specs.CgroupNamespace, "")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := printed(t,
				"cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/memory/memory.limit_in_bytes; cat "+
					"/sys/fs/cgroup/pids/cgroup.procs; (mkdir /sys/fs/cgroup/pids/x) 2>&1; "+
					"ls -d /sys/fs/cgroup/freezer",
				test.change, resources(func(r *specs.LinuxResources) {
					r.Pids = &specs.LinuxPids{Limit: ptr(int64(77))}
					r.Memory = &specs.LinuxMemory{Limit: ptr(int64(32 << 20))}
				}))
			lines := strings.Split(got, "\n")
			if len(lines) < 5 || lines[0] != "77" || lines[1] != fmt.Sprint(32<<20) || lines[2] != "1" {
				t.Errorf("not its own cgroup: %s", got)
			}
			if !strings.Contains(got, "Read-only file system") {
				t.Errorf("not read-only: %s", got)
			}
		})
	}
}

// What is copied to a tmpfs of the container is the container's memory.
func TestCopyUpIsCharged(t *testing.T) {
	t.Parallel()
	for name, ids := range map[string]bundle.Change{"host ids": func(*specs.Spec) {},
		"user namespace": func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: 100000, Size: 65536}}
			s.Linux.GIDMappings = s.Linux.UIDMappings
		}} {
		for _, limit := range []int64{128 << 20, 16 << 20} {
			c := bundle.New(t, bundle.Args("sleep", "1000"), ids,
				bundle.Mount(specs.Mount{Destination: "/data", Type: "tmpfs", Options: []string{"tmpcopyup"}}),
				resources(func(r *specs.LinuxResources) {
					r.Memory = &specs.LinuxMemory{Limit: ptr(limit), Swap: ptr(limit)}
				}))
			write(t, c.Path("data/file"), strings.Repeat("x", 40<<20))
			r := c.Run("--detach")
			if limit < 40<<20 {
				r.Fails("copying up to a tmpfs", "killed for memory", "linux.resources.memory.limit is 16777216 bytes")
				c.LeavesNothing()
				continue
			}
			r.OK()
			if used := cgroupNumber(t, c, named("memory.usage_in_bytes", "memory.current"), ""); used < 40<<20 {
				t.Errorf("%s: only %d bytes are charged", name, used)
			}
			c.Exec(nil, "sh", "-c", "wc -c </data/file").OK().Prints("41943040")
		}
	}
}
