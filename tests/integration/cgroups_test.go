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

	"github.com/rung-oci/rung/tests/bundle"
)

// hierarchy is the mount point of the cgroup v1 hierarchy of a controller.
func hierarchy(t *testing.T, controller string) string {
	t.Helper()
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

// cgroupFile is the path of a file of a container's cgroup, CONTROLLER.NAME.
func cgroupFile(t *testing.T, c *bundle.Container, name string) string {
	t.Helper()
	controller, _, _ := strings.Cut(name, ".")
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
	file := filepath.Join(hierarchy(t, "cpu"), bundle.CgroupParent(), "cpu.shares")
	before := read(t, file)
	t.Cleanup(func() { os.WriteFile(file, []byte(before), 0) })
	if err := os.WriteFile(file, []byte("262144"), 0); err != nil {
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
		begin, before := time.Now(), cgroupNumber(t, c, "cpuacct.usage", "")
		time.Sleep(5 * time.Second)
		used := cgroupNumber(t, c, "cpuacct.usage", "") - before
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
	if n := cgroupNumber(t, c, "cpu.stat", "throttled_time"); n < int64(100*time.Millisecond) {
		t.Errorf("throttled for %v", time.Duration(n))
	}
}

func TestCPUSet(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	online := read(t, filepath.Join(hierarchy(t, "cpuset"), "cpuset.cpus"))
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
	for name, want := range map[string]int64{"cpu.shares": 512, "cpu.cfs_period_us": 50000, "cpu.cfs_quota_us": -1} {
		if got := cgroupNumber(t, c, name, ""); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
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
		{"memory.limit_in_bytes", "", limit, limit},
		{"memory.soft_limit_in_bytes", "", limit / 2, limit / 2},
		{"memory.failcnt", "", 1, 1 << 40}, // the kernel does not count where the limit of swap is the same
		{"memory.oom_control", "oom_kill", 1, 1},
		{"memory.max_usage_in_bytes", "", limit * 9 / 10, limit},
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
			"done; "+idle)
	if got := cgroupNumber(t, c, "cpuacct.usage", ""); got < int64(20*time.Millisecond) || got > int64(10*time.Second) {
		t.Errorf("cpuacct.usage: %v", time.Duration(got))
	}
	if got := cgroupNumber(t, c, "memory.max_usage_in_bytes", ""); got < 20000000 || got > 100000000 {
		t.Errorf("the peak of memory: %d bytes", got)
	}
	if got := cgroupNumber(t, c, "memory.usage_in_bytes", ""); got > 15000000 {
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
		{"swappiness", func(r *specs.LinuxResources) {
			r.Memory = &specs.LinuxMemory{Swappiness: ptr(uint64(1000))}
		}, []string{"swappiness"}},
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
			if used := cgroupNumber(t, c, "memory.usage_in_bytes", ""); used < 40<<20 {
				t.Errorf("%s: only %d bytes are charged", name, used)
			}
			c.Exec(nil, "sh", "-c", "wc -c </data/file").OK().Prints("41943040")
		}
	}
}
