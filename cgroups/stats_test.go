package cgroups

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// files is a directory with the files of a cgroup.
func files(t *testing.T, contents map[string]string) *reader {
	t.Helper()
	dir := t.TempDir()
	contents[procs] = ""
	for name, text := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return &reader{group: &group{Cgroup: Cgroup{"blkio", dir}, dir: fd}}
}

// Each device is counted once, by bfq if that schedules it.
func TestBlockStats(t *testing.T) {
	const (
		bfq      = "blkio.bfq.io_service_bytes_recursive"
		throttle = "blkio.throttle.io_service_bytes_recursive"
	)
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []BlockEntry
	}{
		{"no file", map[string]string{}, nil},
		{"no device", map[string]string{bfq: "Total 0\n", throttle: "Total 0\n"}, nil},
		{"throttling only", map[string]string{throttle: "7:5 Read 4\n7:5 Total 4\nTotal 4\n"}, []BlockEntry{{7, 5, "Read", 4}, {7, 5, "Total", 4}}},
		{"bfq only", map[string]string{bfq: "7:5 Read 4\n7:5 Total 4\nTotal 4\n", throttle: "Total 0\n"}, []BlockEntry{{7, 5, "Read", 4}, {7, 5, "Total", 4}}},
		{"both", map[string]string{bfq: "7:5 Read 4\n7:5 Total 4\nTotal 4\n", throttle: "7:5 Read 5\n7:5 Total 5\n7:6 Read 6\n7:6 Total 6\nTotal 11\n"},
			[]BlockEntry{{7, 5, "Read", 4}, {7, 5, "Total", 4}, {7, 6, "Read", 6}, {7, 6, "Total", 6}}},
	} {
		var s BlockStats
		r := files(t, c.files)
		s.all(r)
		if r.err != nil || !slices.Equal(s.ServiceBytes, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.name, s.ServiceBytes, r.err, c.want)
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
