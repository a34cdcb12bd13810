package v1

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/limits"
)

func TestRestoring(t *testing.T) {
	for _, c := range []struct{ file, value, now, want string }{
		{"cpu.shares", "5", "1024", "1024"},
		{"pids.max", "5", "max", "max"},
		{"memory.oom_control", "1", "oom_kill_disable 0\nunder_oom 0\noom_kill 3", "0"},
		{"blkio.throttle.read_bps_device", "8:0 100", "8:16 5\n8:0 77", "8:0 77"},
		{"blkio.throttle.read_bps_device", "8:0 100", "8:16 5", "8:0 0"},
		{"blkio.bfq.weight_device", "8:0 100", "default 100\n8:0 77", "8:0 77"},
		{"blkio.bfq.weight_device", "8:0 100", "default 100\n8:16 77", "8:0 default"},
		{"net_prio.ifpriomap", "eth0 5", "lo 0\neth0 2", "eth0 2"},
		{"rdma.max", "mlx hca_handle=2", "mlx hca_handle=9 hca_object=max", "mlx hca_handle=9 hca_object=max"},
		{"rdma.max", "mlx hca_handle=2", "", "mlx hca_handle=max hca_object=max"},
	} {
		got := restoring(&limits.Write{File: c.file, Value: c.value}, c.now)
		if got.Value != c.want || got.File != c.file {
			t.Errorf("%s %q over %q: restored with %q, want %q", c.file, c.value, c.now, got.Value, c.want)
		}
	}
}

// contents are the files of a cgroup that an update can change.
func contents(t *testing.T, m *Manager) string {
	t.Helper()
	var b strings.Builder
	for _, file := range []string{
		memoryLimit, memorySwapLimit, "memory.soft_limit_in_bytes", "memory.swappiness", "memory.oom_control",
		"memory.kmem.tcp.limit_in_bytes",
		cpuShares, cpuQuota, cpuPeriod, cpuBurst, cpuIdle, "cpuset.cpus", "cpuset.mems", "devices.list", "pids.max",
		"blkio.throttle.read_bps_device", "blkio.throttle.write_iops_device",
	} {
		controller, _, _ := strings.Cut(file, ".")
		value, err := m.read(controller, file)
		fmt.Fprintf(&b, "%s: %s, %v\n", file, value, err)
	}
	return b.String()
}

// everything is a patch that changes most of what can be changed.
func everything(t *testing.T) *specs.LinuxResources {
	r := &specs.LinuxResources{
		Devices: []specs.LinuxDeviceCgroup{{Allow: false},
			{Allow: true, Type: "c", Major: ptr(int64(10)), Minor: ptr(int64(200)), Access: "rw"}},
		Memory: &specs.LinuxMemory{Limit: ptr(int64(200 << 20)), Swap: ptr(int64(300 << 20)),
			Reservation: ptr(int64(50 << 20)),
			KernelTCP:   ptr(int64(10 << 20)), Swappiness: ptr(uint64(7)), DisableOOMKiller: ptr(true)},
		CPU: &specs.LinuxCPU{Shares: ptr(uint64(77)), Quota: ptr(int64(30000)), Period: ptr(uint64(200000)),
			Burst: ptr(uint64(10000)), Cpus: "0", Mems: "0"},
	}
	var st unix.Stat_t
	for _, disk := range []string{"/dev/loop0", "/dev/vda", "/dev/sda"} {
		if unix.Stat(disk, &st) == nil {
			d := specs.LinuxThrottleDevice{Rate: 1 << 20}
			d.Major, d.Minor = int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev))
			r.BlockIO = &specs.LinuxBlockIO{ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{d}}
			return r
		}
	}
	t.Log("no block device to throttle")
	return r
}

func TestUpdateIsWholeOrNothing(t *testing.T) {
	m := container(t)
	needs(t, m, "memory", "cpu", "cpuset", "devices", "pids", "blkio")
	set(t, m, &specs.LinuxResources{
		Devices: []specs.LinuxDeviceCgroup{{Allow: false}},
		Memory:  &specs.LinuxMemory{Limit: ptr(int64(100 << 20)), Swap: ptr(int64(100 << 20))},
		CPU:     &specs.LinuxCPU{Shares: ptr(uint64(500)), Quota: ptr(int64(50000)), Burst: ptr(uint64(50000))},
		Pids:    &specs.LinuxPids{Limit: ptr(int64(10))},
	})
	before := contents(t, m)

	patch := everything(t)
	patch.Pids = &specs.LinuxPids{Limit: ptr(int64(1) << 40)} // the last write, which the kernel refuses
	_, err := m.Update(patch, nil)
	if err == nil || !strings.Contains(err.Error(), "linux.resources.pids.limit") || !errors.Is(err, unix.EINVAL) {
		t.Fatalf("a limit of processes beyond the kernel's: %v", err)
	}
	if after := contents(t, m); after != before {
		t.Errorf("after an update that failed:\n%s\nbefore:\n%s", after, before)
	}

	patch.Pids.Limit = ptr(int64(20))
	change, err := m.Update(patch, nil)
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{memoryLimit: fmt.Sprint(200 << 20),
		memorySwapLimit: fmt.Sprint(300 << 20), cpuQuota: "30000",
		cpuPeriod: "200000", cpuBurst: "10000", cpuShares: "77", "cpuset.cpus": "0", "pids.max": "20",
		"memory.swappiness": "7"} {
		controller, _, _ := strings.Cut(file, ".")
		holds(t, m, controller, file, want)
	}
	if list, _ := m.read("devices", "devices.list"); !strings.Contains(list, "c 10:200 rw") {
		t.Errorf("devices.list: %s", list)
	}
	if err := change.Revert(); err != nil {
		t.Fatal(err)
	}
	if after := contents(t, m); after != before {
		t.Errorf("after taking it back:\n%s\nbefore:\n%s", after, before)
	}
}

// To be idle is to have no shares: the kernel forgets them, rung does not.
func TestUpdateIdle(t *testing.T) {
	m := container(t)
	needs(t, m, "cpu", "pids")
	if _, err := m.read("cpu", cpuIdle); err != nil {
		t.Skip("needs a kernel with cpu.idle: ", err)
	}
	configured := &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(512))}}
	set(t, m, configured)
	check := func(idle, shares string) {
		t.Helper()
		holds(t, m, "cpu", cpuIdle, idle)
		holds(t, m, "cpu", cpuShares, shares)
	}
	idle := func(idle int64, limit int64) (*cgroups.Change, error) {
		return m.Update(&specs.LinuxResources{CPU: &specs.LinuxCPU{Idle: &idle}, Pids: &specs.LinuxPids{Limit: &limit}},
			configured)
	}
	if _, err := idle(1, 1<<40); err == nil || strings.Contains(err.Error(), "taking the update back") {
		t.Errorf("a limit of processes beyond the kernel's: %v", err)
	}
	check("0", "512")
	change, err := idle(1, 10)
	if err != nil {
		t.Fatal(err)
	}
	check("1", "3")
	if err := change.Revert(); err != nil {
		t.Error(err)
	}
	check("0", "512")
	if _, err := idle(1, 10); err != nil {
		t.Fatal(err)
	}
	if _, err := idle(0, 1<<40); err == nil || strings.Contains(err.Error(), "taking the update back") {
		t.Errorf("a limit of processes beyond the kernel's: %v", err)
	}
	check("1", "3")
	if _, err := idle(0, 10); err != nil {
		t.Fatal(err)
	}
	check("0", "512")

	// shares that are not the configured ones are not touched without need
	set(t, m, &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(77))}})
	if _, err := idle(0, 10); err != nil {
		t.Fatal(err)
	}
	check("0", "77")
}

func TestUpdateWeightOfDeviceIsTakenBack(t *testing.T) {
	m := container(t)
	needs(t, m, "blkio", "pids")
	d := specs.LinuxWeightDevice{Weight: ptr(uint16(200))}
	d.Major, d.Minor = numbers(t, bfqDisk(t))
	patch := &specs.LinuxResources{
		BlockIO: &specs.LinuxBlockIO{WeightDevice: []specs.LinuxWeightDevice{d}},
		Pids:    &specs.LinuxPids{Limit: ptr(int64(1) << 40)}, // the last write, which the kernel refuses
	}
	for _, before := range []uint16{0, 300} {
		if before > 0 {
			first := d
			first.Weight = &before
			set(t, m,
				&specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{WeightDevice: []specs.LinuxWeightDevice{first}}})
		}
		want, err := m.read("blkio", "blkio.bfq.weight_device")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Update(patch, nil); !errors.Is(err, unix.EINVAL) ||
			strings.Contains(err.Error(), "taking the update back") {
			t.Errorf("a limit of processes beyond the kernel's: %v", err)
		}
		holds(t, m, "blkio", "blkio.bfq.weight_device", want)
	}
}

// With a weight bfq forgets those of the devices, rung does not.
func TestUpdateWeightKeepsThoseOfDevices(t *testing.T) {
	m := container(t)
	needs(t, m, "blkio", "pids")
	d := specs.LinuxWeightDevice{Weight: ptr(uint16(200))}
	d.Major, d.Minor = numbers(t, bfqDisk(t))
	set(t, m, &specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{WeightDevice: []specs.LinuxWeightDevice{d}}})
	check := func(weight int) {
		t.Helper()
		holds(t, m, "blkio", "blkio.bfq.weight", fmt.Sprint(weight))
		holds(t, m, "blkio", "blkio.bfq.weight_device", fmt.Sprintf("default %d\n%d:%d 200", weight, d.Major, d.Minor))
	}
	check(100)
	patch := &specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(300))}}
	change, err := m.Update(patch, nil)
	if err != nil {
		t.Fatal(err)
	}
	check(300)
	if err := change.Revert(); err != nil {
		t.Error(err)
	}
	check(100)
	patch.Pids = &specs.LinuxPids{Limit: ptr(int64(1) << 40)} // which the kernel refuses
	if _, err := m.Update(patch, nil); !errors.Is(err, unix.EINVAL) ||
		strings.Contains(err.Error(), "taking the update back") {
		t.Errorf("a limit of processes beyond the kernel's: %v", err)
	}
	check(100)
}

// What is wrong with a patch is found before anything is written.
func TestUpdateChecksFirst(t *testing.T) {
	m := container(t)
	needs(t, m, "memory", "cpu", "devices")
	before := contents(t, m)
	for _, c := range []struct {
		patch specs.LinuxResources
		want  string
	}{
		{specs.LinuxResources{Network: &specs.LinuxNetwork{ClassID: ptr(uint32(1))}},
			"the net_cls controller is not mounted"},
		{specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "3MB", Limit: 1}}},
			"linux.resources.hugepageLimits[0]"},
		{specs.LinuxResources{Unified: map[string]string{"memory.high": "1"}},
			"linux.resources.unified: memory.high cannot be set"},
		{specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Type: "x"}}}, `linux.resources.devices[0].type: "x"`},
		{specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{LeafWeight: ptr(uint16(100))}},
			"linux.resources.blockIO.leafWeight"},
	} {
		c.patch.CPU = &specs.LinuxCPU{Shares: ptr(uint64(77))}
		if _, err := m.Update(&c.patch, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.patch, err, c.want)
		}
		if after := contents(t, m); after != before {
			t.Fatalf("%s: changed\n%s\nbefore:\n%s", c.want, after, before)
		}
	}
}

func TestUpdateMemory(t *testing.T) {
	m := container(t)
	needs(t, m, "memory")
	memory := func(limit, swap int64) error {
		patch := &specs.LinuxMemory{}
		if limit != 0 {
			patch.Limit = &limit
		}
		if swap != 0 {
			patch.Swap = &swap
		}
		_, err := m.Update(&specs.LinuxResources{Memory: patch}, nil)
		return err
	}
	const mb = 1 << 20
	for _, c := range [][2]int64{{100 * mb, 200 * mb}, {300 * mb, 300 * mb}, {50 * mb, 60 * mb}, {-1, 0}, {70 * mb, 0},
		{70 * mb, -1}, {80 * mb, 80 * mb}, {-1, -1}} {
		if err := memory(c[0], c[1]); err != nil {
			t.Fatalf("limit %d, swap %d: %v", c[0], c[1], err)
		}
		for i, file := range [...]string{memoryLimit, memorySwapLimit} {
			switch {
			case c[i] > 0:
				holds(t, m, "memory", file, fmt.Sprint(c[i]))
			case c[i] == -1:
				holds(t, m, "memory", file, fmt.Sprint(uint64(1)<<63-uint64(os.Getpagesize())))
			}
		}
	}

	// pages of files are given back, those of processes cannot be without swap
	name := t.TempDir() + "/cached"
	inside(t, m, fmt.Sprintf("dd if=/dev/zero of=%s bs=1M count=40 2>/dev/null; sync %[1]s; exec sleep 100", name))
	usage := func() (n int64) {
		text, _ := m.read("memory", "memory.usage_in_bytes")
		fmt.Sscan(text, &n)
		return n
	}
	waitFor(t, "a cache of 20 MiB", func() bool { return usage() > 20*mb })
	limit := int64(10 * mb)
	checked := &specs.LinuxMemory{Limit: &limit, CheckBeforeUpdate: ptr(true)}
	before := contents(t, m)
	if _, err := m.Update(&specs.LinuxResources{Memory: checked}, nil); err == nil ||
		!strings.Contains(err.Error(), "unable to set memory limit to 10485760") {
		t.Errorf("checkBeforeUpdate: %v", err)
	}
	if after := contents(t, m); after != before {
		t.Errorf("checkBeforeUpdate changed\n%s\nbefore:\n%s", after, before)
	}
	if err := memory(limit, 0); err != nil {
		t.Errorf("lowering below what is cached: %v", err)
	}
	if n := usage(); n > limit {
		t.Errorf("%d bytes in use, the limit is %d", n, limit)
	}
	if err := memory(4096, 0); !errors.Is(err, unix.EBUSY) ||
		!strings.Contains(err.Error(), "memory.usage_in_bytes is") {
		t.Errorf("lowering below what processes use: %v", err)
	}
	holds(t, m, "memory", memoryLimit, fmt.Sprint(limit))
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s after ten seconds", what)
		}
	}
}
