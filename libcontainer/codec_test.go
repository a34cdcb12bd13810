package libcontainer

import (
	"reflect"
	"testing"

	"github.com/rung-oci/rung/cgroups"
)

// A path that is read back as another one is another cgroup, whose processes are
// killed with the container.
func TestCgroupPathsAreKept(t *testing.T) {
	want := cgroups.State{Cgroups: []cgroups.Cgroup{
		{Controllers: "cpu,cpuacct", Path: "/sys/fs/cgroup/cpu/a"},
		{Controllers: "name=systemd", Path: "/mnt/with\nnewline/\"quotes\"\tand tab"},
		{Controllers: "pids", Path: "/a\\nb\tc"},
	}}
	if got := decodeCgroup(encodeCgroup(want)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
