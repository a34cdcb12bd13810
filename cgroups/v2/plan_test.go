package v2

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/limits"
)

// A planCase is resources as JSON, and what is planned for them, one "FILE VALUE" a line.
type planCase struct{ name, resources, want string }

func resourcesOf(t *testing.T, text string) *specs.LinuxResources {
	t.Helper()
	r := new(specs.LinuxResources)
	if err := json.Unmarshal([]byte(text), r); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

// reading reads from files that hold these values.
func reading(files map[string]string) limits.Read {
	return func(_, file string) (string, error) {
		if v, ok := files[file]; ok {
			return v, nil
		}
		return "", unix.ENOENT
	}
}

func written(p *limits.Plan) string {
	var lines []string
	for _, w := range p.Writes {
		lines = append(lines, w.File+" "+w.Value)
	}
	return strings.Join(lines, "\n")
}

// fresh are the files of a cgroup that is new.
var fresh = map[string]string{
	memoryMax: "max", swapMax: "max", memoryCurrent: "20971520", "memory.swap.current": "1048576",
	cpuMax: "max 100000", cpuBurst: "0", limits.CPUIdle: "0", cpuWeight: "100",
	bfqWeight: "default 100", "hugetlb.2MB.rsvd.max": "max",
}

// with returns the fresh files, some of which hold other values: "FILE=VALUE".
func with(changes ...string) map[string]string {
	files := map[string]string{}
	for file, value := range fresh {
		files[file] = value
	}
	for _, c := range changes {
		file, value, _ := strings.Cut(c, "=")
		files[file] = value
	}
	return files
}

func TestPlan(t *testing.T) {
	for _, c := range []planCase{
		{"nothing", `{}`, ""},
		{"empty objects",
			`{"memory": {}, "cpu": {}, "blockIO": {}, "network": {}, "pids": {}, "rdma": {}, "unified": {}}`, ""},
		{"zeros mean not given",
			`{"memory": {"limit": 0, "reservation": 0, "swap": 0, "kernel": 0}, "blockIO": {"weight": 0},
				"cpu": {"shares": 0, "quota": 0, "period": 0},
				"network": {"classID": 0, "priorities": [{"name": "lo", "priority": 0}]}}`, ""},

		// v2-check 3, v2-check 5
		{"swap equal to memory", `{"memory": {"limit": 32, "swap": 32}}`, "memory.max 32\nmemory.swap.max 0"},
		{"swap above memory", `{"memory": {"limit": 32, "swap": 64}}`, "memory.max 32\nmemory.swap.max 32"},
		{"any swap", `{"memory": {"limit": 32, "swap": -1}}`, "memory.max 32\nmemory.swap.max max"},
		{"any swap, no limit of memory", `{"memory": {"swap": -1}}`, "memory.swap.max max"},
		{"swap of 0", `{"memory": {"limit": 32, "swap": 0}}`, "memory.max 32"},
		{"no swap", `{"memory": {"limit": 32}}`, "memory.max 32"},
		{"any memory", `{"memory": {"limit": -1}}`, "memory.max max\nmemory.swap.max max"},
		{"reservation", `{"memory": {"reservation": 1073741824}}`, "memory.low 1073741824"},
		{"all reserved", `{"memory": {"reservation": -1}}`, "memory.low max"},

		// v2-check 1, v2-check 2
		{"period without quota", `{"cpu": {"period": 30000}}`, "cpu.max max 30000"},
		{"quota", `{"cpu": {"quota": 42000}}`, "cpu.max 42000"},
		{"quota and period", `{"cpu": {"quota": 500000, "period": 1000000}}`, "cpu.max 500000 1000000"},
		{"no quota", `{"cpu": {"quota": -1}}`, "cpu.max max"},
		{"no quota but a period", `{"cpu": {"quota": -1, "period": 1000000}}`, "cpu.max max 1000000"},
		{"burst", `{"cpu": {"quota": 5000, "burst": 4000}}`, "cpu.max 5000\ncpu.max.burst 4000"},
		{"no burst", `{"cpu": {"burst": 0}}`, "cpu.max.burst 0"},
		{"shares", `{"cpu": {"shares": 512}}`, "cpu.weight 59"},
		{"idle", `{"cpu": {"idle": 1}}`, "cpu.idle 1"},
		{"idle after shares", `{"cpu": {"shares": 512, "idle": 1}}`, "cpu.weight 59\ncpu.idle 1"},
		{"not idle", `{"cpu": {"idle": 0}}`, "cpu.idle 0"},
		{"cpuset", `{"cpu": {"cpus": "0-1", "mems": "0"}}`, "cpuset.cpus 0-1\ncpuset.mems 0"},

		{"pids", `{"pids": {"limit": 5}}`, "pids.max 5"},
		{"no pids", `{"pids": {"limit": 0}}`, "pids.max 0"},
		{"any pids", `{"pids": {"limit": -1}}`, "pids.max max"},

		{"weights of bfq", `{"blockIO": {"weight": 500, "weightDevice": [{"major": 8, "minor": 16, "weight": 300}]}}`,
			"io.bfq.weight 500\nio.bfq.weight 8:16 300"},
		{"throttles of a device are one write",
			`{"blockIO": {
				"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1}, {"major": 8, "minor": 16, "rate": 0}],
				"throttleWriteBpsDevice": [{"major": 8, "minor": 0, "rate": 2}],
				"throttleReadIOPSDevice": [{"major": 8, "minor": 0, "rate": 3}],
				"throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 18446744073709551615}]}}`,
			"io.max 8:0 rbps=1 wbps=2 riops=3 wiops=18446744073709551615\nio.max 8:16 rbps=max"},

		{"hugepages", `{"hugepageLimits": [{"pageSize": "2MB", "limit": 0}, {"pageSize": "1GB", "limit": 7}]}`,
			"hugetlb.2MB.rsvd.max 0\nhugetlb.2MB.max 0\nhugetlb.1GB.max 7"},
		{"rdma", `{"rdma": {"b": {"hcaHandles": 3, "hcaObjects": 10000}, "a": {"hcaObjects": 0}}}`,
			"rdma.max a hca_object=0\nrdma.max b hca_handle=3 hca_object=10000"},
		{"unified, last",
			`{"unified": {"io.max": "8:0 rbps=1\n8:16 wbps=2\n", "memory.oom.group": "1", "cgroup.max.depth": "3",
				"misc.max": "res_a 5", "dmem.max": "drm/0 max", "memory.max": " 7 "}, "memory": {"limit": 32}}`,
			"memory.max 32\ncgroup.max.depth 3\ndmem.max drm/0 max\nio.max 8:0 rbps=1\nio.max 8:16 wbps=2\n" +
				"memory.max  7 \nmemory.oom.group 1\nmisc.max res_a 5"},
	} {
		p, err := Plan(resourcesOf(t, c.resources), reading(fresh))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got := written(p); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		} else if len(p.Warnings) > 0 && c.name != "no pids" {
			t.Errorf("%s: warns %q", c.name, p.Warnings)
		}
	}
}

// Which files of weights there are decides which are written.
func TestPlanWeights(t *testing.T) {
	const patch = `{"blockIO": {"weight": 10, "weightDevice": [{"major": 8, "minor": 0, "weight": 1000}]}}`
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"the cost model", map[string]string{ioWeight: "default 100"}, "io.weight 1\nio.weight 8:0 10000"},
		{"neither, of which the error names the general one", nil, "io.weight 1\nio.weight 8:0 10000"},
		{"both, and bfq", map[string]string{ioWeight: "default 100", bfqWeight: "default 100",
			"/sys/dev/block/8:0/queue/scheduler": "none mq-deadline [bfq]"},
			"io.bfq.weight 10\nio.weight 1\nio.bfq.weight 8:0 1000"},
		{"both, and another scheduler", map[string]string{ioWeight: "default 100", bfqWeight: "default 100",
			"/sys/dev/block/8:0/queue/scheduler": "none [mq-deadline] bfq"},
			"io.bfq.weight 10\nio.weight 1\nio.weight 8:0 10000"},
		{"bfq, which knows another device", map[string]string{bfqWeight: "default 100\n8:16 70"},
			"io.bfq.weight 10\nio.bfq.weight 8:16 70\nio.bfq.weight 8:0 1000"},
	} {
		p, err := Plan(resourcesOf(t, patch), reading(c.files))
		if got := written(p); err != nil || got != c.want {
			t.Errorf("%s: %v, got\n%s\nwant\n%s", c.name, err, got, c.want)
		}
	}
	for weight, want := range map[uint16]uint64{10: 1, 100: 910, 500: 4950, 1000: 10000} {
		if got := ioWeightOf(weight); got != want {
			t.Errorf("weight %d: %d, want %d", weight, got, want)
		}
	}
}

// What runc 1.3.6 and crun 1.28 write.
func TestWeightOfShares(t *testing.T) {
	for shares, want := range map[uint64]uint64{1: 1, 2: 1, 3: 2, 512: 59, 1000: 99, 1024: 100, 2048: 174, 200000: 7899,
		262143: 10000, 262144: 10000, 300000: 10000} {
		if got := weight(shares); got != want {
			t.Errorf("%d shares: %d, want %d", shares, got, want)
		}
	}
	last := uint64(0)
	for shares := uint64(1); shares <= limits.MostShares+1; shares++ {
		w := weight(shares)
		if w < last || w < 1 || w > 10000 {
			t.Fatalf("%d shares: %d, after %d", shares, w, last)
		}
		last = w
	}
}

func TestPlanUpdate(t *testing.T) {
	for _, c := range []struct {
		name, present, patch string
		files                map[string]string
		want                 string
	}{
		// v2-check 2
		{"a new quota", `{}`, `{"cpu": {"quota": 600000}}`, with("cpu.max=500000 1000000"), "cpu.max 600000"},
		{"a new period", `{}`, `{"cpu": {"period": 20000}}`, with("cpu.max=50000 100000"), "cpu.max 50000 20000"},
		{"burst lowered first", `{}`, `{"cpu": {"quota": 5000, "burst": 0}}`, with("cpu.max.burst=9000"),
			"cpu.max.burst 0\ncpu.max 5000"},
		{"burst raised last", `{}`, `{"cpu": {"quota": 9000, "burst": 8000}}`, with("cpu.max.burst=5"),
			"cpu.max 9000\ncpu.max.burst 8000"},
		{"shares of an idle one", `{}`, `{"cpu": {"shares": 512, "idle": 1}}`, with("cpu.idle=1"),
			"cpu.idle 0\ncpu.weight 59\ncpu.idle 1"},
		{"back from idle", `{"cpu": {"shares": 512}}`, `{"cpu": {"idle": 0}}`, with("cpu.idle=1"),
			"cpu.idle 0\ncpu.weight 59"},

		{"less memory, more swap: swap first", `{}`, `{"memory": {"limit": 50, "swap": 200}}`,
			with("memory.max=100", "memory.swap.max=0"), "memory.swap.max 150\nmemory.max 50"},
		{"more memory, less swap: memory first", `{}`, `{"memory": {"limit": 200, "swap": 200}}`,
			with("memory.max=50", "memory.swap.max=150"), "memory.max 200\nmemory.swap.max 0"},
		{"less of both: memory first", `{}`, `{"memory": {"limit": 50, "swap": 60}}`,
			with("memory.max=100", "memory.swap.max=100"), "memory.max 50\nmemory.swap.max 10"},
		{"swap only", `{}`, `{"memory": {"swap": 200}}`, with("memory.max=50"), "memory.swap.max 150"},
		{"memory only: that of both stays", `{"memory": {"limit": 50, "swap": 200}}`, `{"memory": {"limit": 80}}`,
			with("memory.max=50", "memory.swap.max=150"), "memory.max 80\nmemory.swap.max 120"},
		{"memory only, swap never given", `{"memory": {"limit": 50}}`, `{"memory": {"limit": 80}}`,
			with("memory.max=50", "memory.swap.max=0"), "memory.max 80"},
		{"memory only, any swap", `{"memory": {"swap": -1}}`, `{"memory": {"limit": 80}}`, with(), "memory.max 80"},
		{"no limit of memory, and so of both", `{"memory": {"limit": 50, "swap": 200}}`, `{"memory": {"limit": -1}}`,
			with("memory.max=50", "memory.swap.max=150"), "memory.swap.max max\nmemory.max max"},
		{"what is in use fits", `{}`, `{"memory": {"limit": 20971520, "swap": 22020096, "checkBeforeUpdate": true}}`,
			with(), "memory.max 20971520\nmemory.swap.max 1048576"},
	} {
		p, err := PlanUpdate(resourcesOf(t, c.patch), resourcesOf(t, c.present), reading(c.files))
		if got := written(p); err != nil || got != c.want {
			t.Errorf("%s: %v, got\n%s\nwant\n%s", c.name, err, got, c.want)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	for _, c := range []struct{ resources, want string }{
		{`{"memory": {"swap": 64}}`,
			"linux.resources.memory.swap: 64 cannot be set without linux.resources.memory.limit"},
		{`{"memory": {"limit": -1, "swap": 64}}`, "linux.resources.memory.swap: 64 cannot be set without"},
		{`{"memory": {"limit": 64, "swap": 32}}`,
			"linux.resources.memory.swap: 32, the limit of memory and swap together, is below that of memory, 64 " +
				"(linux.resources.memory.limit)"},
		{`{"network": {"classID": 5}}`, "linux.resources.network.classID: cgroup v2 does not mark packets"},
		{`{"network": {"priorities": [{"name": "lo"}, {"name": "eth0", "priority": 5}]}}`,
			"linux.resources.network.priorities[1]: cgroup v2"},
		{`{"hugepageLimits": [{"pageSize": "../2MB", "limit": 0}]}`, "linux.resources.hugepageLimits[0].pageSize"},
		{`{"unified": {"../pids.max": "7"}}`, `linux.resources.unified["../pids.max"]: not the name of a file`},
		{`{"unified": {"memory": "7"}}`, `linux.resources.unified["memory"]: not the name of a file`},
		{`{"unified": {"": "7"}}`, `linux.resources.unified[""]: not the name of a file`},
		{`{"unified": {"..": "7"}}`, `linux.resources.unified[".."]: not the name of a file`},
		{`{"unified": {"memory.": "7"}}`, `linux.resources.unified["memory."]: not the name of a file`},
		{`{"unified": {"memory.max\u0000": "7"}}`, `not the name of a file`},
		{`{"unified": {"cgroup.procs": "0"}}`, `linux.resources.unified["cgroup.procs"]: sets no limit`},
		{`{"unified": {"cgroup.freeze": "1"}}`, `linux.resources.unified["cgroup.freeze"]: sets no limit`},
	} {
		for _, plan := range []func() (*limits.Plan, error){
			func() (*limits.Plan, error) { return Plan(resourcesOf(t, c.resources), reading(fresh)) },
			func() (*limits.Plan, error) { return PlanUpdate(resourcesOf(t, c.resources), nil, reading(fresh)) },
		} {
			if _, err := plan(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %s", c.resources, err, c.want)
			}
		}
	}
	for patch, want := range map[string]string{ // v2-check 7
		`{"memory": {"limit": 20971519, "checkBeforeUpdate": true}}`: "linux.resources.memory.limit: " +
			"unable to set memory limit to 20971519: 20971520 is in use (checkBeforeUpdate)",
		`{"memory": {"limit": 20971520, "swap": 22020095, "checkBeforeUpdate": true}}`: "linux.resources." +
			"memory.swap: unable to set memory limit to 22020095: 22020096 is in use (checkBeforeUpdate)",
	} {
		if _, err := PlanUpdate(resourcesOf(t, patch), nil, reading(fresh)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", patch, err, want)
		}
	}
}

// What cgroup v2 has nothing for is named: v2-check 6.
func TestPlanWarns(t *testing.T) {
	p, err := Plan(resourcesOf(t, `{"memory": {"kernel": 1, "kernelTCP": 2, "swappiness": 0, "disableOOMKiller": true,
		"useHierarchy": false}, "cpu": {"shares": 1, "realtimeRuntime": 3, "realtimePeriod": 4}, "pids": {"limit": 0},
		"blockIO": {"leafWeight": 5, "weightDevice": [{"major": 8, "minor": 0, "leafWeight": 6}]}}`), reading(fresh))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range p.Warnings {
		name, _, _ := strings.Cut(strings.TrimPrefix(w, "linux.resources."), ":")
		got = append(got, name)
	}
	const want = "memory.kernel memory.kernelTCP memory.swappiness memory.disableOOMKiller memory.useHierarchy " +
		"cpu.shares cpu.realtimeRuntime cpu.realtimePeriod blockIO.leafWeight blockIO.weightDevice[0].leafWeight " +
		"pids.limit is 0"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := written(p); got != "cpu.weight 1\npids.max 0" {
		t.Errorf("writes\n%s", got)
	}
	for _, nothing := range []string{`{"kernel": -1, "useHierarchy": true, "disableOOMKiller": false}`, `{}`} {
		p, err := Plan(resourcesOf(t, `{"memory": `+nothing+`}`), reading(fresh))
		if err != nil || len(p.Warnings) > 0 {
			t.Errorf("%s: %v, %q", nothing, err, p.Warnings)
		}
	}
}

// What takes a limit away needs no controller: v2-check 18, v2-check 19, v2-check 22.
func TestNeeds(t *testing.T) {
	for _, c := range []struct{ resources, want string }{
		{`{}`, ""},
		{`{"memory": {"limit": -1, "swap": -1, "reservation": -1}, "cpu": {"quota": -1, "idle": 0, "burst": 0},
			"pids": {"limit": -1}, "blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 0}]}}`, ""},
		{`{"unified": {"cgroup.max.depth": "1", "cpu.pressure": "", "irq.pressure": ""}}`, ""},
		{`{"memory": {"limit": 1, "swap": 1}, "pids": {"limit": 0}, "cpu": {"period": 1, "cpus": "0"}}`,
			"memory linux.resources.memory.limit, cpu linux.resources.cpu.period, cpuset linux.resources.cpu.cpus, " +
				"pids linux.resources.pids.limit"},
		{`{"hugepageLimits": [{"pageSize": "2MB", "limit": 1}], "rdma": {"a": {"hcaObjects": 1}},
			"blockIO": {"weight": 10}, "unified": {"misc.max": "a 1", "foo.bar": "x"}}`,
			"io linux.resources.blockIO.weight, hugetlb linux.resources.hugepageLimits[0], " +
				`rdma linux.resources.rdma.a, foo linux.resources.unified["foo.bar"], ` +
				`misc linux.resources.unified["misc.max"]`},
	} {
		list, err := needs(resourcesOf(t, c.resources))
		var got []string
		for _, n := range list {
			got = append(got, n.Controller+" "+n.Property)
		}
		if err != nil || strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", c.resources, err, strings.Join(got, ", "), c.want)
		}
	}
}

func TestRestoring(t *testing.T) {
	for _, c := range []struct{ file, value, now, want string }{
		{"cpu.weight", "5", "100", "100"},
		{"cpu.max", "5000", "max 100000", "max 100000"},
		{"memory.max", "5", "max", "max"},
		{ioMax, "8:0 rbps=5", "8:16 rbps=1 wbps=max riops=max wiops=max", "8:0 rbps=max wbps=max riops=max wiops=max"},
		{ioMax, "8:0 rbps=5", "8:0 rbps=1 wbps=2 riops=max wiops=max", "8:0 rbps=1 wbps=2 riops=max wiops=max"},
		{ioWeight, "5", "default 77\n8:0 5", "77"},
		{ioWeight, "default 5", "default 77\n8:0 5", "77"},
		{bfqWeight, "8:0 5", "default 77\n8:0 6", "8:0 6"},
		{bfqWeight, "8:16 5", "default 77\n8:0 6", "8:16 default"},
		{"rdma.max", "mlx hca_handle=2", "mlx hca_handle=9 hca_object=max", "mlx hca_handle=9 hca_object=max"},
		{"rdma.max", "mlx hca_handle=2", "", "mlx hca_handle=max hca_object=max"},
		{"misc.max", "a 2", "a 7\nb max", "a 7"},
		{"dmem.min", "d 2", "", "d 0"},
	} {
		if got := restoring(&limits.Write{File: c.file, Value: c.value}, c.now); got.Value != c.want {
			t.Errorf("%s %q over %q: restored with %q, want %q", c.file, c.value, c.now, got.Value, c.want)
		}
	}
}

// Whatever linux.resources hold: an error names the property, a write has a file of the
// directory, and no value is empty.
func FuzzPlan(f *testing.F) {
	f.Add(`{"memory":{"limit":1,"swap":2},"cpu":{"quota":-1,"period":5},"unified":{"io.max":"8:0 rbps=1\n\n"}}`, "max")
	f.Add(`{"blockIO":{"weight":5,"throttleReadBpsDevice":[{"major":-1,"minor":7,"rate":3}]},"unified":{"a.b":""}}`, "")
	f.Fuzz(func(t *testing.T, text, now string) {
		r := new(specs.LinuxResources)
		if json.Unmarshal([]byte(text), r) != nil {
			return
		}
		read := func(string, string) (string, error) { return now, nil }
		for i, plan := range []func() (*limits.Plan, error){
			func() (*limits.Plan, error) { return Plan(r, read) },
			func() (*limits.Plan, error) { return PlanUpdate(r, r, read) },
		} {
			p, err := plan()
			if err != nil {
				if !strings.HasPrefix(err.Error(), "linux.resources.") {
					t.Errorf("plan %d of %s: %v", i, text, err)
				}
				continue
			}
			for _, w := range p.Writes {
				if strings.ContainsAny(w.File, "/\x00") || w.Controller == "" ||
					!strings.HasPrefix(w.Property, "linux.resources.") ||
					w.Value == "" && !strings.Contains(w.Property, "unified") {
					t.Errorf("plan %d of %s: %+v", i, text, w)
				}
			}
			fmt.Fprint(new(strings.Builder), Needs(p))
		}
	})
}
