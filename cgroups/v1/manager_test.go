package v1

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rung-oci/rung/cgroups"
)

// hybrid is a machine with co-mounted controllers, a hierarchy without controllers, and
// the unified one.
func hybrid() cgroups.Hierarchies {
	const fs = "/sys/fs/cgroup/"
	return cgroups.Hierarchies{
		{Name: "cpu,cpuacct", Controllers: []string{"cpu", "cpuacct"}, Mountpoint: fs + "cpu,cpuacct", Root: "/",
			Own: "/user.slice"},
		{Name: "memory", Controllers: []string{"memory"}, Mountpoint: fs + "memory", Root: "/", Own: "/user.slice/a:b"},
		{Name: "systemd", Controllers: []string{"name=systemd"}, Mountpoint: fs + "systemd", Root: "/",
			Own: "/user.slice/session-1.scope"},
		{Name: "unified", Unified: true, Mountpoint: fs + "unified", Root: "/outer",
			Own: "/user.slice/session-1.scope"},
	}
}

func TestPaths(t *testing.T) {
	for _, c := range []struct{ path, id, cpu, unified string }{
		{"/a/b", "id", "/sys/fs/cgroup/cpu,cpuacct/a/b", "/sys/fs/cgroup/unified/a/b"},
		{"//a/./b/", "id", "/sys/fs/cgroup/cpu,cpuacct/a/b", "/sys/fs/cgroup/unified/a/b"},
		{"a/b", "id", "/sys/fs/cgroup/cpu,cpuacct/user.slice/a/b",
			"/sys/fs/cgroup/unified/user.slice/session-1.scope/a/b"},
		{"", "id", "/sys/fs/cgroup/cpu,cpuacct/user.slice/id", "/sys/fs/cgroup/unified/user.slice/session-1.scope/id"},
		{"machine.slice:rung:id", "id", "/sys/fs/cgroup/cpu,cpuacct/user.slice/machine.slice:rung:id",
			"/sys/fs/cgroup/unified/user.slice/session-1.scope/machine.slice:rung:id"},
		{"/a..b", "id", "/sys/fs/cgroup/cpu,cpuacct/a..b", "/sys/fs/cgroup/unified/a..b"},
		{"/a/../b", "id", "/sys/fs/cgroup/cpu,cpuacct/b", "/sys/fs/cgroup/unified/b"},
		{"/../../b", "id", "/sys/fs/cgroup/cpu,cpuacct/b", "/sys/fs/cgroup/unified/b"},
		{"a/../../../b", "id", "/sys/fs/cgroup/cpu,cpuacct/user.slice/b",
			"/sys/fs/cgroup/unified/user.slice/session-1.scope/b"},
	} {
		m, err := New(hybrid(), c.path, c.id)
		if err != nil {
			t.Errorf("%q: %v", c.path, err)
			continue
		}
		if got := m.find("cpuacct").Path; got != c.cpu {
			t.Errorf("%q: cpu: got %s, want %s", c.path, got, c.cpu)
		}
		if got := m.find(cgroups.Unified).Path; got != c.unified {
			t.Errorf("%q: unified: got %s, want %s", c.path, got, c.unified)
		}
	}
}

func TestRefusedPaths(t *testing.T) {
	outside := hybrid()
	outside[1].Own = ""
	for _, c := range []struct {
		h              cgroups.Hierarchies
		path, id, want string
	}{
		{hybrid(), "/a/..", "id", `linux.cgroupsPath "/a/..": names no cgroup of the container's own`},
		{hybrid(), "..", "id", `linux.cgroupsPath "..": names no cgroup`},
		{hybrid(), "../../", "id", `names no cgroup`},
		{hybrid(), "a\x00b", "id", "contains NUL"},
		{hybrid(), "/\nx", "id", "contains a newline"},
		{hybrid(), "/", "id", "names no cgroup of the container's own"},
		{hybrid(), "./.", "id", "names no cgroup of the container's own"},
		{hybrid(), "", "..", `linux.cgroupsPath "..": names no cgroup`},
		{hybrid(), "", "a/b", "contains a slash"},
		{hybrid(), "", "", "names no cgroup"},
		{outside, "a", "id",
			"own cgroup in the hierarchy memory is outside of what is mounted at /sys/fs/cgroup/memory"},
		{nil, "/a", "id", "no cgroup hierarchy is mounted"},
	} {
		_, err := New(c.h, c.path, c.id)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, %q: got %v, want an error with %q", c.path, c.id, err, c.want)
		}
	}
	if _, err := New(outside, "/a", "id"); err != nil {
		t.Errorf("an absolute path needs no cgroup of the caller's own: %v", err)
	}
}

func TestMounts(t *testing.T) {
	m, err := New(hybrid(), "/a", "id")
	if err != nil {
		t.Fatal(err)
	}
	m.groups = m.groups[1:] // the first was mounted later
	got, err := m.Mounts()
	want := []cgroups.Mount{
		{Name: "cpu,cpuacct", Type: "cgroup", Options: []string{"cpu", "cpuacct"}},
		{Name: "memory", Dir: "/sys/fs/cgroup/memory/a", Type: "cgroup", Options: []string{"memory"}},
		{Name: "systemd", Dir: "/sys/fs/cgroup/systemd/a", Type: "cgroup", Options: []string{"none", "name=systemd"}},
	}
	for i := range got {
		got[i].Links = nil // the machine's own
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v, %v\nwant %v", got, err, want)
	}
	if own := OwnMounts(hybrid()); len(own) != 3 || own[1].Dir != "/sys/fs/cgroup/memory/user.slice/a:b" {
		t.Errorf("without a cgroup: %v", own)
	}
}

func TestRoots(t *testing.T) {
	m, err := New(hybrid(), "/a", "id")
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Roots()
	want := []cgroups.Root{
		{Controllers: "cpu,cpuacct", Path: "/a"}, {Controllers: "memory", Path: "/a"},
		{Controllers: "name=systemd", Path: "/a"}, {Controllers: "", Path: "/outer/a"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}
