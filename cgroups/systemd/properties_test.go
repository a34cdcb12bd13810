package systemd

import (
	"strings"
	"testing"

	"github.com/rung-oci/rung/cgroups/limits"
)

func node(device string) string { return "/dev/block/" + device }

func TestProperties(t *testing.T) {
	for _, tt := range []struct{ file, value, want string }{
		{"memory.max", "33554432", "MemoryMax=33554432"},
		{"memory.max", "max", "MemoryMax=18446744073709551615"},
		{"memory.max", "0", ""}, // systemd takes none
		{"memory.low", "0", "MemoryLow=0"},
		{"memory.min", "4096", "MemoryMin=4096"},
		{"memory.high", "4096", "MemoryHigh=4096"},
		{"memory.swap.max", "0", "MemorySwapMax=0"},
		{"memory.zswap.max", "0", "MemoryZSwapMax=0"},
		{"memory.oom.group", "1", ""},
		{"pids.max", "10", "TasksMax=10"},
		{"pids.max", "max", "TasksMax=18446744073709551615"},
		{"pids.max", "0", "TasksMax=1"}, // v2-check 21: systemd refuses 0, and 1 lets nothing fork either
		{"cpu.weight", "100", "CPUWeight=100"},
		{"cpu.weight", "0", ""},
		{"cpu.weight", "10001", ""},
		{"cpu.idle", "1", "CPUWeight=0"},
		{"cpu.idle", "0", ""},
		{"cpu.max", "42000 100000", "CPUQuotaPerSecUSec=420000 CPUQuotaPeriodUSec=100000"},
		{"cpu.max", "42500 100000", "CPUQuotaPerSecUSec=430000 CPUQuotaPeriodUSec=100000"},
		{"cpu.max", "500000 1000000", "CPUQuotaPerSecUSec=500000 CPUQuotaPeriodUSec=1000000"},
		{"cpu.max", "max 30000", "CPUQuotaPerSecUSec=18446744073709551615 CPUQuotaPeriodUSec=30000"},
		{"cpu.max", "1 1000000", "CPUQuotaPerSecUSec=10000 CPUQuotaPeriodUSec=1000000"},
		{"cpu.max", "9223372036854775807 1000", "CPUQuotaPerSecUSec=9223372036854775807000"}, // see below
		{"cpu.max.burst", "100", ""},
		{"cpuset.cpus", "0", "AllowedCPUs={y [1]}"},
		{"cpuset.cpus", "0-2,9", "AllowedCPUs={y [7 2]}"},
		{"cpuset.mems", "1", "AllowedMemoryNodes={y [2]}"},
		{"io.weight", "200", "IOWeight=200"},
		{"io.weight", "default 200", "IOWeight=200"},
		{"io.weight", "8:0 300", "IODeviceWeight={(st) [[/dev/block/8:0 300]]}"},
		{"io.bfq.weight", "200", "IOWeight=1200"},
		{"io.bfq.weight", "50", "IOWeight=50"},
		{"io.max", "8:0 rbps=1 wbps=2 riops=3 wiops=max", "IOReadBandwidthMax={(st) [[/dev/block/8:0 1]]} " +
			"IOWriteBandwidthMax={(st) [[/dev/block/8:0 2]]} IOReadIOPSMax={(st) [[/dev/block/8:0 3]]} " +
			"IOWriteIOPSMax={(st) [[/dev/block/8:0 18446744073709551615]]}"},
		{"hugetlb.2MB.max", "0", ""},
		{"memory.max", "nonsense", ""},
	} {
		got := text(properties([]limits.Write{{File: tt.file, Value: tt.value}}, absent, node))
		if strings.HasPrefix(tt.value, "9223372036854775807") { // more than there is: no quota
			tt.want = "CPUQuotaPerSecUSec=18446744073709551615 CPUQuotaPeriodUSec=1000"
		}
		if got != tt.want {
			t.Errorf("%s %q: %s, want %s", tt.file, tt.value, got, tt.want)
		}
	}
}

// A period alone keeps the quota, and a quota alone the period, which the file has.
func TestQuotaKeepsThePeriod(t *testing.T) {
	read := func(_, file string) (string, error) { return "500000 1000000", nil }
	got := text(properties([]limits.Write{{File: "cpu.max", Value: "600000"}}, read, node))
	if want := "CPUQuotaPerSecUSec=600000 CPUQuotaPeriodUSec=1000000"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNoLongerIdle(t *testing.T) {
	read := func(string, string) (string, error) { return "1", nil }
	list := []limits.Write{{File: "cpu.idle", Value: "0"}, {File: "cpu.weight", Value: "7"}}
	for n, want := range map[int]string{1: "CPUWeight=100", 2: "CPUWeight=7"} {
		if got := text(properties(list[:n], read, node)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// What is written last counts, and devices come together.
func TestPropertiesOfSeveralWrites(t *testing.T) {
	got := text(properties([]limits.Write{
		{File: "memory.max", Value: "1"},
		{File: "io.weight", Value: "55"},
		{File: "io.bfq.weight", Value: "100"}, // systemd writes both from one
		{File: "io.max", Value: "8:0 rbps=1"},
		{File: "io.max", Value: "8:16 rbps=2"},
		{File: "memory.max", Value: "2"},
	}, absent, node))
	want := "MemoryMax=2 IOWeight=55 IOReadBandwidthMax={(st) [[/dev/block/8:0 1] [/dev/block/8:16 2]]}"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A quota is in the file what systemd would write there.
func TestRound(t *testing.T) {
	for value, want := range map[string]string{
		"42000 100000": "42000 100000", "42500 100000": "43000 100000", "max 30000": "max 30000",
		"33333 50000": "33500 50000", "1000 1000000": "10000 1000000", "5 1000": "5 1000", "nonsense": "nonsense",
		"60000": "60000 100000", "1000 30000": "1200 30000",
	} {
		writes := []limits.Write{{File: "pids.max", Value: "1"}, {File: cpuMax, Value: value}}
		p := &limits.Plan{Read: absent, Writes: writes}
		round(p)
		if got := p.Writes[1].Value; got != want || p.Writes[0].Value != "1" {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

func TestOOMPolicy(t *testing.T) {
	for value, want := range map[string]string{"1": "OOMPolicy=kill", "0": "OOMPolicy=continue", "x": ""} {
		got := text(oomPolicy([]limits.Write{{File: "memory.max", Value: "1"}, {File: oomGroup, Value: value}}))
		if got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}
