package v1

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// planned returns the writes for resources as JSON, one "FILE VALUE" a line, in a
// cgroup whose files hold the given values.
func planned(t *testing.T, resources string, files map[string]string) (writes string, p *plan, err error) {
	t.Helper()
	var r specs.LinuxResources
	if err := json.Unmarshal([]byte(resources), &r); err != nil {
		t.Fatalf("%s: %v", resources, err)
	}
	p = newPlan(func(_, file string) (string, error) {
		if v, ok := files[file]; ok {
			return v, nil
		}
		return "", unix.ENOENT
	})
	if r.Devices != nil {
		err = p.devices(r.Devices)
	}
	if err == nil {
		err = p.resources(&r)
	}
	if err != nil {
		return "", p, err
	}
	var b strings.Builder
	for _, w := range p.Writes {
		fmt.Fprintf(&b, "%s %s\n", w.File, w.Value)
	}
	return strings.TrimSuffix(b.String(), "\n"), p, nil
}

const unlimited = "9223372036854771712" // of memory, on machines with pages of 4 KiB

// fresh are the files of a cgroup that is new.
var fresh = map[string]string{
	memorySwapLimit: unlimited, cpuPeriod: "100000", cpuBurst: "0", cpuIdle: "0",
	realtimeRuntime: "0", realtimePeriod: "1000000", "../cpu.rt_runtime_us": "950000",
	"blkio.bfq.weight": "default 100", "hugetlb.2MB.rsvd.limit_in_bytes": "0",
}

type planCase struct {
	name, resources string
	files           map[string]string
	want            string
}

func (c *planCase) check(t *testing.T) {
	t.Helper()
	got, _, err := planned(t, c.resources, c.files)
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
	} else if got != c.want {
		t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
	}
}

func TestPlanMemoryAndCPU(t *testing.T) {
	for _, c := range []planCase{
		{"nothing", `{}`, fresh, ""},
		{"empty objects",
			`{"memory": {}, "cpu": {}, "blockIO": {}, "network": {}, "pids": {}, "rdma": {}}`, fresh, ""},
		{"zeros mean not given",
			`{"memory": {"limit": 0, "reservation": 0, "swap": 0}, "cpu": {"shares": 0, "quota": 0, "period": 0},
				"blockIO": {"weight": 0}}`, fresh, ""},

		{"memory",
			`{"memory": {"limit": 1000, "swap": 2000, "reservation": 500, "kernel": 10, "kernelTCP": 20,
				"swappiness": 0, "disableOOMKiller": true, "useHierarchy": true, "checkBeforeUpdate": true}}`, fresh,
			"memory.use_hierarchy 1\nmemory.limit_in_bytes 1000\nmemory.memsw.limit_in_bytes 2000\n" +
				"memory.soft_limit_in_bytes 500\nmemory.kmem.limit_in_bytes 10\nmemory.kmem.tcp.limit_in_bytes 20\n" +
				"memory.swappiness 0\nmemory.oom_control 1"},
		{"memory raised: swap first", `{"memory": {"limit": 3000, "swap": 4000}}`,
			map[string]string{memorySwapLimit: "2000"},
			"memory.memsw.limit_in_bytes 4000\nmemory.limit_in_bytes 3000"},
		{"memory lowered: limit first", `{"memory": {"limit": 500, "swap": 500}}`,
			map[string]string{memorySwapLimit: "2000"},
			"memory.limit_in_bytes 500\nmemory.memsw.limit_in_bytes 500"},
		{"memory to what both are: limit first", `{"memory": {"limit": 2000, "swap": 3000}}`,
			map[string]string{memorySwapLimit: "2000"},
			"memory.limit_in_bytes 2000\nmemory.memsw.limit_in_bytes 3000"},
		{"memory limit, unlimited swap", `{"memory": {"limit": 3000, "swap": -1}}`,
			map[string]string{memorySwapLimit: "2000"},
			"memory.memsw.limit_in_bytes -1\nmemory.limit_in_bytes 3000"},
		{"memory unlimited in a limited cgroup", `{"memory": {"limit": -1}}`,
			map[string]string{memorySwapLimit: "2000"},
			"memory.memsw.limit_in_bytes -1\nmemory.limit_in_bytes -1"},
		{"memory unlimited in a fresh cgroup", `{"memory": {"limit": -1}}`, fresh, "memory.limit_in_bytes -1"},
		{"memory unlimited without swap accounting", `{"memory": {"limit": -1}}`, nil, "memory.limit_in_bytes -1"},
		{"memory with kernel limit taken away", `{"memory": {"kernel": -1}}`, fresh, "memory.kmem.limit_in_bytes -1"},

		{"cpu",
			`{"cpu": {"shares": 512, "quota": 50000, "period": 50000, "burst": 1000, "cpus": "0-1", "mems": "0",
				"idle": 0}}`, fresh,
			"cpu.idle 0\ncpu.shares 512\ncpu.cfs_quota_us 50000\ncpu.cfs_period_us 50000\ncpu.cfs_burst_us 1000\n" +
				"cpuset.cpus 0-1\ncpuset.mems 0"},
		{"longer period first", `{"cpu": {"quota": 50000, "period": 200000}}`, fresh,
			"cpu.cfs_period_us 200000\ncpu.cfs_quota_us 50000"},
		{"no quota", `{"cpu": {"quota": -1}}`, fresh, "cpu.cfs_quota_us -1"},
		{"burst lowered before quota", `{"cpu": {"quota": 5000, "burst": 0}}`, map[string]string{cpuBurst: "9000"},
			"cpu.cfs_burst_us 0\ncpu.cfs_quota_us 5000"},
		{"burst with no quota", `{"cpu": {"quota": -1, "burst": 10}}`, map[string]string{cpuBurst: "9000"},
			"cpu.cfs_quota_us -1\ncpu.cfs_burst_us 10"},
		{"idle after shares", `{"cpu": {"shares": 2, "idle": 1}}`, fresh, "cpu.shares 2\ncpu.idle 1"},
		{"idle again", `{"cpu": {"shares": 2, "idle": 1}}`, map[string]string{cpuIdle: "1"},
			"cpu.idle 0\ncpu.shares 2\ncpu.idle 1"},

		{"realtime", `{"cpu": {"realtimeRuntime": 950000, "realtimePeriod": 1000000}}`, fresh,
			"cpu.rt_runtime_us 950000\ncpu.rt_period_us 1000000"},
		{"realtime up the tree", `{"cpu": {"realtimeRuntime": 100, "realtimePeriod": 2000000}}`,
			map[string]string{realtimePeriod: "1000000", "../cpu.rt_runtime_us": "0", "../../cpu.rt_runtime_us": "0",
				"../../../cpu.rt_runtime_us": "950000"},
			"../../cpu.rt_period_us 2000000\n../../cpu.rt_runtime_us 100\n../cpu.rt_period_us 2000000\n" +
				"../cpu.rt_runtime_us 100\ncpu.rt_period_us 2000000\ncpu.rt_runtime_us 100"},
		{"realtime period only", `{"cpu": {"realtimePeriod": 5}}`, map[string]string{"../cpu.rt_runtime_us": "0"},
			"cpu.rt_period_us 5"},
	} {
		c.check(t)
	}
}

func TestPlanOthers(t *testing.T) {
	for _, c := range []planCase{
		{"pids", `{"pids": {"limit": 5}}`, fresh, "pids.max 5"},
		{"no pids", `{"pids": {"limit": 0}}`, fresh, "pids.max 0"},
		{"any pids", `{"pids": {"limit": -1}}`, fresh, "pids.max max"},

		{"block, bfq",
			`{"blockIO": {"weight": 100, "leafWeight": 50,
				"weightDevice": [{"major": 8, "minor": 0, "weight": 7, "leafWeight": 8}]}}`, fresh,
			"blkio.bfq.weight 100\nblkio.leaf_weight 50\n" +
				"blkio.bfq.weight_device 8:0 7\nblkio.leaf_weight_device 8:0 8"},
		{"block, cfq", `{"blockIO": {"weight": 100}}`, map[string]string{"blkio.weight": "500"}, "blkio.weight 100"},
		{"throttle",
			`{"blockIO": {
				"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1}, {"major": 8, "minor": 16, "rate": 0}],
				"throttleWriteBpsDevice": [{"major": 8, "minor": 0, "rate": 2}],
				"throttleReadIOPSDevice": [{"major": 8, "minor": 0, "rate": 3}],
				"throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 4}]}}`, fresh,
			"blkio.throttle.read_bps_device 8:0 1\nblkio.throttle.read_bps_device 8:16 0\n" +
				"blkio.throttle.write_bps_device 8:0 2\nblkio.throttle.read_iops_device 8:0 3\n" +
				"blkio.throttle.write_iops_device 8:0 4"},

		{"hugepages", `{"hugepageLimits": [{"pageSize": "2MB", "limit": 0}, {"pageSize": "1GB", "limit": 7}]}`, fresh,
			"hugetlb.2MB.rsvd.limit_in_bytes 0\nhugetlb.2MB.limit_in_bytes 0\nhugetlb.1GB.limit_in_bytes 7"},
		{"network",
			`{"network": {"classID": 1048577,
				"priorities": [{"name": "eth0", "priority": 5}, {"name": "lo", "priority": 0}]}}`,
			map[string]string{"net_prio.ifpriomap": "lo 1"},
			"net_cls.classid 1048577\nnet_prio.ifpriomap eth0 5\nnet_prio.ifpriomap lo 0"},
		{"network, no class", `{"network": {"classID": 0}}`, map[string]string{"net_cls.classid": "1"},
			"net_cls.classid 0"},
		{"network, not mounted", `{"network": {"classID": 0, "priorities": [{"name": "lo", "priority": 0}]}}`, fresh,
			""},
		{"rdma", `{"rdma": {"b": {"hcaHandles": 3, "hcaObjects": 10000}, "a": {"hcaObjects": 0}}}`, fresh,
			"rdma.max a hca_object=0\nrdma.max b hca_handle=3 hca_object=10000"},
	} {
		c.check(t)
	}
}

func TestPlanControllers(t *testing.T) {
	_, p, err := planned(t, `{"memory": {"limit": 1}, "cpu": {"cpus": "0", "realtimeRuntime": 1},
		"network": {"classID": 1}, "hugepageLimits": [{"pageSize": "2MB", "limit": 1}]}`,
		map[string]string{"../cpu.rt_runtime_us": "0"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range p.Writes {
		got = append(got, w.Controller+" "+w.Property)
	}
	want := "memory linux.resources.memory.limit, cpu linux.resources.cpu.realtimeRuntime, " +
		"cpu linux.resources.cpu.realtimeRuntime, cpuset linux.resources.cpu.cpus, " +
		"hugetlb linux.resources.hugepageLimits[0], net_cls linux.resources.network.classID"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
}

func TestPlanRefuses(t *testing.T) {
	for _, c := range []struct{ resources, want string }{
		{`{"unified": {"memory.max": "1", "io.max": "2"}}`,
			"linux.resources.unified: io.max, memory.max cannot be set"},
		{`{"hugepageLimits": [{"pageSize": "../2MB", "limit": 0}]}`, "linux.resources.hugepageLimits[0].pageSize"},
		{`{"hugepageLimits": [{"pageSize": "", "limit": 0}]}`, "linux.resources.hugepageLimits[0].pageSize"},
		{`{"devices": [{"allow": true, "type": "p", "access": "r"}]}`, `linux.resources.devices[0].type: "p"`},
		{`{"devices": [{"allow": false}, {"allow": true, "access": "rx"}]}`, `linux.resources.devices[1].access: "rx"`},
		{`{"devices": [{"allow": true, "type": "c", "major": -2}]}`, `linux.resources.devices[0].major: -2`},
		{`{"devices": [{"allow": true, "type": "c", "minor": 4294967296}]}`,
			`linux.resources.devices[0].minor: 4294967296`},
		{`{"devices": [{"allow": false}, {"allow": true, "type": "c", "access": "rwm"},
			{"allow": false, "type": "c", "major": 1, "minor": 3, "access": "w"}]}`,
			"linux.resources.devices[2]: cgroup v1 cannot except c 1:3 w from c *:* rwm"},
		{`{"devices": [{"allow": true}, {"allow": false, "type": "b", "major": 8},
			{"allow": true, "type": "b", "major": 8, "minor": 0}]}`,
			"linux.resources.devices[2]: cgroup v1 cannot except b 8:0 rwm from b 8:* rwm"},
		{`{"devices": [{"allow": true, "type": "c", "major": 4294967295}]}`, // to the kernel that is all
			`linux.resources.devices[0].major: 4294967295`},
		{`{"devices": [{"allow": false}, {"allow": false, "type": "c", "major": 136, "minor": 5, "access": "rw"}]}`,
			"linux.resources.devices: cgroup v1 cannot except c 136:5 rw from c 136:* rwm, which are default devices"},
	} {
		_, _, err := planned(t, c.resources, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.resources, err, c.want)
		}
	}
}

func TestPlanWarns(t *testing.T) {
	for shares, want := range map[string]string{"1": "taken as 2", "262145": "taken as 262144", "2": "", "262144": ""} {
		_, p, err := planned(t, `{"cpu": {"shares": `+shares+`}}`, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(p.Warnings, "; "); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("shares %s: got the warning %q, want %q", shares, got, want)
		}
	}
}

func TestSamePages(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"4096", "5000", true}, {"0", "10", true}, {"9223372036854771712", "1048576", false}, {"x", "x", false},
		{"0", "65536", false}} {
		if got := samePages(c.a, c.b); got != c.want {
			t.Errorf("samePages(%s, %s) = %v", c.a, c.b, got)
		}
	}
}
