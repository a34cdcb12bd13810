package external

import (
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/notify"
	"github.com/rung-oci/rung/libcontainer/store"
)

// TestExternalMounts: what is external follows from the same list that the birth
// program is made of.
func TestExternalMounts(t *testing.T) {
	s := &specs.Spec{
		Linux: &specs.Linux{
			MaskedPaths: []string{"/proc/kcore"},
			Devices:     []specs.LinuxDevice{{Path: "/opt/./fuse", Type: "c"}, {Path: "/dev/pipe", Type: "p"}},
		},
		Mounts: []specs.Mount{
			{Destination: "/x/../etc/hosts", Type: "bind", Source: "hosts"},
			{Destination: "/data", Type: "rbind", Source: "/data"},
			{Destination: "/data", Options: []string{"remount", "bind", "ro"}},
			{Destination: "/tmp", Type: "tmpfs"},
			{Destination: "/cg/", Type: "cgroup"},
		},
	}
	dir := &store.Dir{}
	list := func() []Mount {
		t.Helper()
		mounts, err := birth.Mounts(s, "/bundle")
		if err != nil {
			t.Fatal(err)
		}
		list, err := Mounts(s, mounts, []birth.Hierarchy{{Name: "cpu", Dir: "/sys/fs/cgroup/cpu/c1"}}, dir)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	mounts := []Mount{
		{"/x/../etc/hosts", "/etc/hosts", "/bundle/hosts", false},
		{"/data", "/data", "/data", true},
		{"/cg/cpu", "/cg/cpu", "/sys/fs/cgroup/cpu/c1", false},
	}
	others := []Mount{
		{"/proc/kcore", "/proc/kcore", "/dev/null", false},
		{notify.Dir, notify.Dir, store.NotifyName, false},
	}
	if got, want := list(), slices.Concat(mounts, others); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}

	s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.UserNamespace}}
	s.Mounts = append(s.Mounts, specs.Mount{Destination: "/dev", Type: "rbind", Source: "/dev"})
	mounts = append(mounts, Mount{"/dev", "/dev", "/dev", true},
		Mount{"/opt/./fuse", "/opt/fuse", "/opt/./fuse", false})
	if got, want := list(), slices.Concat(mounts, others); !slices.Equal(got, want) {
		t.Errorf("in a user namespace\ngot  %v\nwant %v", got, want)
	}
}
