package v1

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func TestSetMemory(t *testing.T) {
	m := container(t)
	needs(t, m, "memory")
	for _, step := range []struct{ limit, swap int64 }{{32 << 20, 64 << 20}, {128 << 20, 256 << 20}, {8 << 20, 8 << 20},
		{16 << 20, -1}, {8 << 20, 8 << 20}, {-1, -1}, {8 << 20, 8 << 20}} {
		set(t, m, &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &step.limit, Swap: &step.swap}})
		want := func(n int64) string {
			if n == -1 {
				return unlimited
			}
			return strconv.FormatInt(n, 10)
		}
		holds(t, m, "memory", memoryLimit, want(step.limit))
		holds(t, m, "memory", memorySwapLimit, want(step.swap))
	}
	set(t, m, &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr[int64](-1)}})
	holds(t, m, "memory", memorySwapLimit, unlimited)

	warnings, err := m.set(&specs.LinuxResources{Memory: &specs.LinuxMemory{
		Limit: ptr[int64](1 << 30), Reservation: ptr[int64](1 << 20), Kernel: ptr[int64](1 << 20),
		KernelTCP:  ptr[int64](2 << 20),
		Swappiness: ptr[uint64](7), DisableOOMKiller: ptr(true), UseHierarchy: ptr(true), CheckBeforeUpdate: ptr(true),
	}})
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := m.find("memory").Read("memory.kmem.limit_in_bytes")
	if ignored := err != nil || kernel != "1048576"; ignored != (len(warnings) == 1 &&
		strings.Contains(warnings[0], "linux.resources.memory.kernel")) {
		t.Errorf("memory.kmem.limit_in_bytes is %q; warnings %q", kernel, warnings)
	}
	holds(t, m, "memory", memoryLimit, "1073741824")
	holds(t, m, "memory", "memory.soft_limit_in_bytes", "1048576")
	holds(t, m, "memory", "memory.kmem.tcp.limit_in_bytes", "2097152")
	holds(t, m, "memory", "memory.swappiness", "7")
	if v, err := m.find("memory").Read("memory.oom_control"); err != nil || !strings.Contains(v, "oom_kill_disable 1") {
		t.Errorf("memory.oom_control is %q, %v", v, err)
	}
}

func TestSetCPU(t *testing.T) {
	m := container(t)
	needs(t, m, "cpu", "cpuset")
	set(t, m, &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr[uint64](512), Quota: ptr[int64](200000),
		Period: ptr[uint64](500000), Burst: ptr[uint64](20000), Cpus: "0", Mems: "0"}})
	holds(t, m, "cpu", cpuShares, "512")
	holds(t, m, "cpu", cpuQuota, "200000")
	holds(t, m, "cpu", cpuPeriod, "500000")
	holds(t, m, "cpu", cpuBurst, "20000")
	holds(t, m, "cpuset", "cpuset.cpus", "0")
	set(t, m, &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr[int64](4000), Period: ptr[uint64](10000),
		Burst: ptr[uint64](1000)}})
	holds(t, m, "cpu", cpuQuota, "4000")
	holds(t, m, "cpu", cpuBurst, "1000")
	for range 2 {
		set(t, m, &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr[uint64](512), Idle: ptr[int64](1)}})
		holds(t, m, "cpu", cpuIdle, "1")
	}
	set(t, m, &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr[uint64](300), Idle: ptr[int64](0),
		Quota: ptr[int64](-1)}})
	holds(t, m, "cpu", cpuShares, "300")
	holds(t, m, "cpu", cpuQuota, "-1")
}

// The kernel checks the share of the period between the writes, against the
// parent's.
func TestSetQuotaBelowLimitedParent(t *testing.T) {
	m := container(t)
	needs(t, m, "cpu")
	parent := only("cpu", filepath.Dir(m.find("cpu").Path))
	defer parent.Close()
	set(t, parent, &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr[int64](5000), Period: ptr[uint64](100000)}})
	for _, step := range []struct {
		quota  int64
		period uint64
	}{{5000, 100000}, {50000, 1000000}, {1000, 20000}, {50000, 1000000}} {
		set(t, m, &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: &step.quota, Period: &step.period}})
		holds(t, m, "cpu", cpuQuota, strconv.FormatInt(step.quota, 10))
	}
	_, err := m.set(&specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr[int64](60000)}})
	if err == nil || !strings.Contains(err.Error(), "../cpu.cfs_quota_us is \"5000\"") {
		t.Errorf("more than the parent has: %v", err)
	}
}

func TestSetRealtime(t *testing.T) {
	m := container(t)
	needs(t, m, "cpu")
	if _, err := m.find("cpu").Read(realtimeRuntime); errors.Is(err, unix.ENOENT) {
		t.Skip("needs a kernel with CONFIG_RT_GROUP_SCHED")
	}
	set(t, m, &specs.LinuxResources{CPU: &specs.LinuxCPU{RealtimeRuntime: ptr[int64](10000),
		RealtimePeriod: ptr[uint64](2000000)}})
	for _, up := range []string{"", "../"} {
		holds(t, m, "cpu", up+realtimeRuntime, "10000")
		holds(t, m, "cpu", up+realtimePeriod, "2000000")
	}
}

func TestSetDevices(t *testing.T) {
	m := container(t)
	needs(t, m, "devices")
	set(t, m, &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{
		{Allow: false, Access: "rwm"},
		{Allow: true, Type: "c", Major: ptr[int64](10), Minor: ptr[int64](229), Access: "rw"},
		{Allow: false, Type: "c", Major: ptr[int64](1), Minor: ptr[int64](7), Access: "rwm"},
		{Allow: true, Type: "b", Major: ptr[int64](8), Minor: ptr[int64](20), Access: "r"},
	}})
	list := strings.Split(strings.TrimSpace(string(mustRead(t, filepath.Join(m.find("devices").Path, "devices.list")))),
		"\n")
	if want := []string{"c 10:229 rw", "b 8:20 r", "c *:* m", "b *:* m", "c 1:3 rwm"}; len(list) < len(want) ||
		!slices.Equal(list[:len(want)], want) {
		t.Errorf("devices.list is %q and does not begin with %q", list, want)
	}
	if len(list) != 2+10 { // the rules, and the default devices but for /dev/full
		t.Errorf("devices.list has %d lines: %q", len(list), list)
	}
	cmd := inside(t, m, "echo x >/dev/null || exit 1; (: >/dev/full) 2>/dev/null && exit 2; exit 0")
	if err := cmd.Wait(); err != nil {
		t.Errorf("devices from inside: %v", err)
	}
	child := filepath.Join(m.find("devices").Path, "child")
	if err := os.Mkdir(child, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := m.SetDevices([]specs.LinuxDeviceCgroup{{Access: "rwm"}})
	if err == nil || !strings.Contains(err.Error(), "linux.resources.devices[0]") ||
		!strings.Contains(err.Error(), "child cgroups") {
		t.Errorf("a new policy over children: %v", err)
	}
	// A parent that allows less, as in a container: defaults are left out.
	inner := only("devices", child)
	defer inner.Close()
	warnings, err := inner.SetDevices([]specs.LinuxDeviceCgroup{{Access: "rwm"}})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "c 1:7 rwm") {
		t.Errorf("a parent without /dev/full: %v, %q", err, warnings)
	}
	_, err = inner.SetDevices([]specs.LinuxDeviceCgroup{
		{Allow: true, Type: "c", Major: ptr[int64](1), Minor: ptr[int64](7), Access: "r"},
	})
	if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "parent cgroup does not allow it") {
		t.Errorf("more than the parent allows: %v", err)
	}
}

func TestSetPids(t *testing.T) {
	m := container(t)
	needs(t, m, "pids")
	for limit, want := range map[int64]string{5: "5", 0: "0", -1: "max"} {
		set(t, m, &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}})
		holds(t, m, "pids", "pids.max", want)
	}
}

func TestSetErrors(t *testing.T) {
	m := container(t)
	needs(t, m, "memory", "cpu", "cpuset", "pids", "blkio")
	path := func(controller, file string) string { return filepath.Join(m.find(controller).Path, file) }
	for _, c := range []struct {
		r    specs.LinuxResources
		want []string
	}{
		{specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr[int64](2 << 20), Swap: ptr[int64](1 << 20)}},
			[]string{"linux.resources.memory.swap", path("memory", memorySwapLimit), `"1048576"`, "invalid argument",
				`memory.limit_in_bytes is "2097152"`}},
		{specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: ptr[uint64](201)}},
			[]string{"linux.resources.memory.swappiness", path("memory", "memory.swappiness"), "invalid argument",
				"now"}},
		{specs.LinuxResources{Memory: &specs.LinuxMemory{UseHierarchy: ptr(false)}},
			[]string{"linux.resources.memory.useHierarchy", "accounted hierarchically"}},
		{specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "4095"}},
			[]string{"linux.resources.cpu.cpus", path("cpuset", "cpuset.cpus"), "../cpuset.cpus is"}},
		{specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr[int64](5)}},
			[]string{"linux.resources.cpu.quota", path("cpu", cpuQuota), `"5"`, `it is "-1" now`}},
		{specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr[int64](5000), Burst: ptr[uint64](6000)}},
			[]string{"linux.resources.cpu.burst", "may not exceed the quota", `"5000"`}},
		{specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr[int64](-2)}},
			[]string{"linux.resources.pids.limit", "pids.max"}},
		{specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{LeafWeight: ptr[uint16](10)}},
			[]string{"linux.resources.blockIO.leafWeight", "blkio.leaf_weight",
				"this kernel's blkio controller does not have it"}},
	} {
		_, err := m.set(&c.r)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v\nwant an error with %s", err, want)
			}
		}
	}
}

// A missing controller is seen before anything is written.
func TestSetWithoutController(t *testing.T) {
	m := only("memory", filepath.Join(t.TempDir(), "absent"))
	_, err := m.set(&specs.LinuxResources{
		Memory: &specs.LinuxMemory{Swappiness: ptr[uint64](1)},
		Rdma:   map[string]specs.LinuxRdma{"mlx5_1": {HcaHandles: ptr[uint32](3)}},
	})
	want := "linux.resources.rdma.mlx5_1: the rdma controller is not mounted as a cgroup v1 hierarchy, so that " +
		"rdma.max cannot be used"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
