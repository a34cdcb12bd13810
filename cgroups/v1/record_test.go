package v1

import (
	"testing"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// A path that is read back as another one is another cgroup, whose processes are
// killed with the container.
func TestPathsAreKept(t *testing.T) {
	m := &Manager{groups: []group{
		{label: "cpu,cpuacct", Group: cgroupfs.Group{Path: "/sys/fs/cgroup/cpu/a"}},
		{label: "name=systemd", Group: cgroupfs.Group{Path: "/mnt/with\nnewline/\"quotes\"\tand tab"}},
		{label: "pids", Group: cgroupfs.Group{Path: "/a\\nb\tc"}},
		{label: "unified", Group: cgroupfs.Group{Path: "/sys/fs/cgroup/unified/a"}},
	}}
	got := Restore(m.Record()).groups
	if len(got) != len(m.groups) {
		t.Fatalf("got %v", got)
	}
	for i, want := range m.groups {
		if got[i].label != want.label || got[i].Path != want.Path {
			t.Errorf("got %+v, want %+v", got[i], want)
		}
	}
}

// Containers live on while rung is replaced by another version: what is written today
// can be read by tomorrow's.
func TestRecordStays(t *testing.T) {
	const record = "cpu,cpuacct\t/sys/fs/cgroup/cpu,cpuacct/c\nunified\t/sys/fs/cgroup/unified/c\n"
	m := Restore([]byte(record))
	if len(m.groups) != 2 || m.find("cpuacct").Path != "/sys/fs/cgroup/cpu,cpuacct/c" {
		t.Errorf("got %+v", m.groups)
	}
	if got := string(m.Record()); got != record {
		t.Errorf("got %q, want %q", got, record)
	}
}
