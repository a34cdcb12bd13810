package cgroups

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func hybrid() Hierarchies { return parseText(hybridMounts, hybridSelf) }

func TestPaths(t *testing.T) {
	for _, c := range []struct{ path, id, cpu, unified string }{
		{"/a/b", "id", "/sys/fs/cgroup/cpu,cpuacct/a/b", "/sys/fs/cgroup/unified/a/b"},
		{"//a/./b/", "id", "/sys/fs/cgroup/cpu,cpuacct/a/b", "/sys/fs/cgroup/unified/a/b"},
		{"a/b", "id", "/sys/fs/cgroup/cpu,cpuacct/user.slice/a/b", "/sys/fs/cgroup/unified/user.slice/session-1.scope/a/b"},
		{"", "id", "/sys/fs/cgroup/cpu,cpuacct/user.slice/id", "/sys/fs/cgroup/unified/user.slice/session-1.scope/id"},
		{"machine.slice:rung:id", "id", "/sys/fs/cgroup/cpu,cpuacct/user.slice/machine.slice:rung:id", "/sys/fs/cgroup/unified/user.slice/session-1.scope/machine.slice:rung:id"},
		{"/a..b", "id", "/sys/fs/cgroup/cpu,cpuacct/a..b", "/sys/fs/cgroup/unified/a..b"},
		{"/a/../b", "id", "/sys/fs/cgroup/cpu,cpuacct/b", "/sys/fs/cgroup/unified/b"},
		{"/../../b", "id", "/sys/fs/cgroup/cpu,cpuacct/b", "/sys/fs/cgroup/unified/b"},
		{"a/../../../b", "id", "/sys/fs/cgroup/cpu,cpuacct/user.slice/b", "/sys/fs/cgroup/unified/user.slice/session-1.scope/b"},
	} {
		m, err := New(hybrid(), c.path, c.id)
		if err != nil {
			t.Errorf("%q: %v", c.path, err)
			continue
		}
		if got := m.find("cpuacct").Path; got != c.cpu {
			t.Errorf("%q: cpu: got %s, want %s", c.path, got, c.cpu)
		}
		if got := m.find(unified).Path; got != c.unified {
			t.Errorf("%q: unified: got %s, want %s", c.path, got, c.unified)
		}
	}
}

func TestRefusedPaths(t *testing.T) {
	outside := hybrid()
	outside[1].Own = ""
	for _, c := range []struct {
		h              Hierarchies
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
		{outside, "a", "id", "own cgroup in the hierarchy memory is outside of what is mounted at /sys/fs/cgroup/memory"},
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

func TestStateSurvivesJSON(t *testing.T) {
	m, err := New(hybrid(), "/a", "id")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(m.State())
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"controllers":"cpu,cpuacct","path":"/sys/fs/cgroup/cpu,cpuacct/a"}`; !strings.Contains(string(text), want) {
		t.Errorf("%s does not contain %s", text, want)
	}
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	if got := Restore(s).State(); !reflect.DeepEqual(got, m.State()) {
		t.Errorf("got %v, want %v", got, m.State())
	}
}
