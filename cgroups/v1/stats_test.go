package v1

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// files is a directory with the files of a cgroup.
func files(t *testing.T, contents map[string]string) *reader {
	t.Helper()
	dir := t.TempDir()
	contents[cgroupfs.Procs] = ""
	for name, text := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return newReader(&group{label: "blkio", Group: cgroupfs.Opened(dir, fd)})
}

// Each device is counted once, by bfq if that schedules it.
func TestBlockStats(t *testing.T) {
	const (
		bfq      = "blkio.bfq.io_service_bytes_recursive"
		throttle = "blkio.throttle.io_service_bytes_recursive"
	)
	read := func(minor, value uint64) cgroups.BlockEntry {
		return cgroups.BlockEntry{Major: 7, Minor: minor, Op: "Read", Value: value}
	}
	total := func(minor, value uint64) cgroups.BlockEntry {
		return cgroups.BlockEntry{Major: 7, Minor: minor, Op: "Total", Value: value}
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []cgroups.BlockEntry
	}{
		{"no file", map[string]string{}, nil},
		{"no device", map[string]string{bfq: "Total 0\n", throttle: "Total 0\n"}, nil},
		{"throttling only", map[string]string{throttle: "7:5 Read 4\n7:5 Total 4\nTotal 4\n"},
			[]cgroups.BlockEntry{read(5, 4), total(5, 4)}},
		{"bfq only", map[string]string{bfq: "7:5 Read 4\n7:5 Total 4\nTotal 4\n", throttle: "Total 0\n"},
			[]cgroups.BlockEntry{read(5, 4), total(5, 4)}},
		{"both", map[string]string{bfq: "7:5 Read 4\n7:5 Total 4\nTotal 4\n",
			throttle: "7:5 Read 5\n7:5 Total 5\n7:6 Read 6\n7:6 Total 6\nTotal 11\n"},
			[]cgroups.BlockEntry{read(5, 4), total(5, 4), read(6, 6), total(6, 6)}},
	} {
		var s cgroups.Stats
		r := files(t, c.files)
		r.allBlock(&s)
		if r.Err != nil || !slices.Equal(s.Block.ServiceBytes, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.name, s.Block.ServiceBytes, r.Err, c.want)
		}
	}
}

// A device that bfq schedules and that never had a limit is counted, once.
func TestBlockStatsOfBFQ(t *testing.T) {
	m := container(t)
	needs(t, m, "blkio")
	disk := bfqDisk(t)
	major, minor := numbers(t, disk)
	read := fmt.Sprintf("exec dd if=/dev/%s of=/dev/null bs=1M count=4 iflag=direct 2>/dev/null", filepath.Base(disk))
	if err := inside(t, m, read).Wait(); err != nil {
		t.Fatal(err)
	}
	s, err := m.Stats()
	if err != nil {
		t.Fatal(err)
	}
	for op, want := range map[string]uint64{"Read": 4 << 20, "Write": 0, "Total": 4 << 20} {
		var got []uint64
		for _, e := range s.Block.ServiceBytes {
			if e.Op == op && int64(e.Major) == major && int64(e.Minor) == minor {
				got = append(got, e.Value)
			}
		}
		if !slices.Equal(got, []uint64{want}) {
			t.Errorf("%s of %d:%d: %d, want once %d: %v", op, major, minor, got, want, s.Block.ServiceBytes)
		}
	}
}

func TestOutOfMemory(t *testing.T) {
	m := container(t)
	needs(t, m, "memory")
	set(t, m, &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr[int64](8 << 20), Swap: ptr[int64](8 << 20)}})
	endedBySIGKILL(t, inside(t, m, "exec tail /dev/zero"))
	s, err := m.Memory()
	if err != nil || s.OOMKills != 1 || s.Memory.Limit != 8<<20 || s.Memory.MaxUsage != 8<<20 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestStatsWithoutControllers(t *testing.T) {
	for _, label := range []string{"name=systemd", cgroups.Unified} {
		if s, err := only(label, t.TempDir()).Stats(); err == nil {
			t.Errorf("%s: got %+v", label, s)
		}
	}
}

func TestStats(t *testing.T) {
	m := container(t)
	needs(t, m, "cpu", "cpuacct", "memory", "pids")
	set(t, m, &specs.LinuxResources{
		CPU:    &specs.LinuxCPU{Quota: ptr[int64](2000), Period: ptr[uint64](10000)},
		Pids:   &specs.LinuxPids{Limit: ptr[int64](9)},
		Memory: &specs.LinuxMemory{Limit: ptr[int64](64 << 20)},
	})
	inside(t, m, "while :; do :; done")
	var s *cgroups.Stats
	// on a busy machine it takes long; the time of a throttling counts when that ends
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		var err error
		if s, err = m.Stats(); err != nil {
			t.Fatal(err)
		}
		if s.CPU.ThrottledPeriods > 2 && s.CPU.ThrottledTime > 0 && s.CPU.Usage >= 2e6 && s.CPU.User+s.CPU.Kernel > 0 {
			break
		}
	}
	if s.CPU.ThrottledPeriods < 3 || s.CPU.ThrottledTime == 0 || s.CPU.Periods < s.CPU.ThrottledPeriods {
		t.Errorf("throttling: %+v", s.CPU)
	}
	var sum uint64
	for _, n := range s.CPU.PerCPU {
		sum += n
	}
	if s.CPU.Usage < 2e6 || sum < s.CPU.Usage || s.CPU.User+s.CPU.Kernel == 0 {
		t.Errorf("usage: %+v, sum %d", s.CPU, sum)
	}
	if s.Memory.Memory.Limit != 64<<20 || s.Memory.Memory.Usage == 0 ||
		s.Memory.Memory.MaxUsage < s.Memory.Memory.Usage || len(s.Memory.Raw) < 10 {
		t.Errorf("memory: %+v", s.Memory)
	}
	if s.Pids != (cgroups.PidsStats{Current: 1, Limit: 9}) {
		t.Errorf("pids: %+v", s.Pids)
	}
}
