package kernel

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

func TestParseMounts(t *testing.T) {
	long := strings.Repeat("/var/lib/layers/diff:", 10000)
	for _, tt := range []struct{ line, root, point, fsType, super string }{
		{"23 27 0:22 / /sys rw,relatime - sysfs sysfs rw", "/", "/sys", "sysfs", "rw"},
		{"32 30 0:29 / /cpu rw,nosuid shared:10 master:3 - cgroup cgroup rw,cpu,cpuacct",
			"/", "/cpu", "cgroup", "rw,cpu,cpuacct"},
		{`36 30 0:34 /..\011a /srv/with\040space\134\043\012 rw - ext4 /dev/a\040b ro,x`,
			"/..\ta", "/srv/with space\\#\n", "ext4", "ro,x"},
		{`36 30 0:34 / /\04 rw - ext4 a rw`, "/", `/\04`, "ext4", "rw"},
		{"1 0 8:1 / / rw - overlay  lowerdir=" + long, "/", "/", "overlay", "lowerdir=" + long}, // no source
		{"38 27 0:36 / /torn rw - cgroup", "/", "/torn", "cgroup", ""},
		{"38 27 0:36 / /torn", "/", "/torn", "", ""},
		{"38 27", "", "", "", ""},
	} {
		found := 0
		for m, err := range ParseMounts(strings.NewReader(tt.line + "\n")) {
			if err != nil {
				t.Fatal(err)
			}
			if m.Root() != tt.root || m.Point() != tt.point || m.FSType() != tt.fsType || m.SuperOptions() != tt.super {
				t.Errorf("%.80s: root %q, point %q, type %q, options %.80q",
					tt.line, m.Root(), m.Point(), m.FSType(), m.SuperOptions())
			}
			found++
		}
		if found != 1 {
			t.Errorf("%.80s: %d mounts", tt.line, found)
		}
	}
}

func TestParseMountsEnds(t *testing.T) {
	const two = "1 0 8:1 / / rw - a a rw\n2 1 8:1 / /b rw - b b rw\n"
	for m, err := range ParseMounts(strings.NewReader(two)) {
		if m.Point() != "/" || err != nil {
			t.Error("goes on after the first", m.Point(), err)
		}
		break
	}
	broken, last := errors.New("broken"), error(nil)
	for _, err := range ParseMounts(iotest.ErrReader(broken)) {
		last = err
	}
	if last != broken {
		t.Error(last)
	}
}

// TestMounts finds what is mounted on this machine, and has no more descriptors open
// than before, also when it does not look to the end.
func TestMounts(t *testing.T) {
	before := countOpen(t)
	points := map[string]string{}
	for m, err := range Mounts("self") {
		if err != nil {
			t.Fatal(err)
		}
		points[m.Point()] = m.FSType()
	}
	if points["/proc"] != "proc" {
		t.Errorf("proc is not among %v", points)
	}
	for range Mounts("self") {
		break
	}
	if after := countOpen(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	for _, err := range Mounts("0") {
		if !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "/proc/0/mountinfo: ") {
			t.Error(err)
		}
	}
}

func countOpen(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(list)
}

func FuzzParseMounts(f *testing.F) {
	f.Add("23 27 0:22 / /sys rw,relatime shared:1 - sysfs sysfs rw\n")
	f.Add(`1 1 0:1 /\04 /\777 rw - cgroup c rw,a`)
	f.Fuzz(func(t *testing.T, text string) {
		for m, err := range ParseMounts(strings.NewReader(text)) {
			if err != nil || len(m.Point()) > len(text) || len(m.Root()) > len(text) {
				t.Errorf("%q, %v", m.Point(), err)
			}
		}
	})
}

// BenchmarkParseMounts looks for one type among ten thousand mounts.
func BenchmarkParseMounts(b *testing.B) {
	var text strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&text, "%d 30 0:%d / /var/lib/kubelet/pods/%d/volumes/kubernetes.io~projected/token "+
			"rw,relatime shared:%d - tmpfs tmpfs rw,size=1024k,inode64\n", i+40, i, i, i)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		for m := range ParseMounts(strings.NewReader(text.String())) {
			if m.FSType() == "cgroup" {
				b.Fatal(m)
			}
		}
	}
}
