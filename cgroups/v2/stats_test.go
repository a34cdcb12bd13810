package v2

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/rung-oci/rung/cgroups"
)

func TestStats(t *testing.T) {
	m, dir := opened(t, map[string]string{
		controllersFile: "cpuset cpu io memory pids",
		"cpu.stat": "usage_usec 200000\nuser_usec 190000\nsystem_usec 10000\nnr_periods 4\nnr_throttled 1\n" +
			"throttled_usec 40000\n",
		"cpu.pressure":          "some avg10=1.50 avg60=0.00 avg300=0.00 total=150000\nfull avg10=0.00 total=9\n",
		"cpuset.cpus.effective": "0-1\n", "cpuset.mems.effective": "0\n",
		memoryMax: "33554432\n", memoryCurrent: "417792\n", "memory.peak": "2514944\n",
		memoryEvents: "low 0\nhigh 0\nmax 18\noom 3\noom_kill 2\n", "memory.stat": "anon 49152\nfile 4096\n",
		swapMax: "33554432\n", "memory.swap.current": "1000\n", "memory.swap.events": "high 0\nmax 5\nfail 5\n",
		"pids.current": "1\n", "pids.max": "10\n",
		"io.stat": "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n7:0\n",
	})
	entry := func(op string, value uint64) cgroups.BlockEntry {
		return cgroups.BlockEntry{Major: 8, Op: op, Value: value}
	}
	want := &cgroups.Stats{
		CPU: cgroups.CPUStats{
			CPUUsage:      cgroups.CPUUsage{Usage: 200e6, User: 190e6, Kernel: 10e6},
			CPUThrottling: cgroups.CPUThrottling{Periods: 4, ThrottledPeriods: 1, ThrottledTime: 40e6},
			Pressure: &cgroups.Pressure{Some: cgroups.Stall{Avg10: 1.5, Total: 150000},
				Full: cgroups.Stall{Total: 9}},
		},
		CPUSet: cgroups.CPUSetStats{CPUs: []uint16{0, 1}, Mems: []uint16{0}},
		Memory: cgroups.MemoryStats{
			Cache:    4096,
			Memory:   cgroups.MemoryCounter{Limit: 32 << 20, Usage: 417792, MaxUsage: 2514944, Failcnt: 18},
			Swap:     cgroups.MemoryCounter{Limit: 64 << 20, Usage: 418792, Failcnt: 5},
			OOMKills: 2,
			Raw:      map[string]uint64{"anon": 49152, "file": 4096},
		},
		Pids: cgroups.PidsStats{Current: 1, Limit: 10},
		Block: cgroups.BlockStats{
			ServiceBytes: []cgroups.BlockEntry{entry("Read", 1), entry("Write", 2), entry("Discard", 5)},
			Serviced:     []cgroups.BlockEntry{entry("Read", 3), entry("Write", 4), entry("Discard", 6)},
		},
		Hugetlb: map[string]cgroups.HugetlbStats{},
	}
	got, err := m.Stats()
	if err != nil || !reflect.DeepEqual(got, want) {
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(want)
		t.Errorf("%v\ngot  %s\nwant %s", err, g, w)
	}

	put(t, filepath.Join(dir, memoryMax), "max\n")
	put(t, filepath.Join(dir, "pids.max"), "max\n")
	got, err = m.Stats()
	if err != nil || got.Memory.Memory.Limited() || got.Memory.Swap.Limited() || got.Pids.Limit != -1 {
		t.Errorf("without limits: %v, %+v", err, got)
	}
}

// A cgroup without the controller of memory has no limit of it to be told of.
func TestMemoryWithoutController(t *testing.T) {
	m, _ := opened(t, map[string]string{controllersFile: ""})
	if s, err := m.Memory(); err != nil || !reflect.DeepEqual(s, cgroups.MemoryStats{}) {
		t.Errorf("%+v, %v", s, err)
	}
	w, err := m.WatchOOM()
	if err != nil || w.Fd() != -1 {
		t.Errorf("a watch: %v, %v", w, err)
	}
}

// A process that is killed is told of once; that the limit was reached is not.
func TestWatchOOM(t *testing.T) {
	m, dir := opened(t, map[string]string{memoryEvents: "max 0\noom 0\noom_kill 1\n"})
	w, err := m.WatchOOM()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, step := range []struct {
		events string
		told   bool
	}{
		{"max 1\noom 0\noom_kill 1\n", false}, {"max 1\noom 1\noom_kill 2\n", true},
		{"max 2\noom 1\noom_kill 2\n", false}, {"max 2\noom 1\noom_kill 4\n", true},
	} {
		put(t, filepath.Join(dir, memoryEvents), step.events)
		if got := w.RanOut(); got != step.told {
			t.Errorf("after %q: %v", step.events, got)
		}
		if w.RanOut() {
			t.Errorf("after %q: told again", step.events)
		}
	}
}
