package systemd

import (
	"strings"
	"testing"
)

func TestParseUnit(t *testing.T) {
	for _, tt := range []struct{ path, id, slice, name, cgroup string }{
		{"", "c1", "system.slice", "rung-c1.scope", "/system.slice/rung-c1.scope"},
		{"system.slice:rung:c1", "x", "system.slice", "rung-c1.scope", "/system.slice/rung-c1.scope"},
		{":libpod:c1", "x", "system.slice", "libpod-c1.scope", "/system.slice/libpod-c1.scope"},
		{"::c1", "x", "system.slice", "c1.scope", "/system.slice/c1.scope"},
		{"-.slice:p:c", "x", "-.slice", "p-c.scope", "/p-c.scope"},
		{"a-b-c.slice:p:c", "x", "a-b-c.slice", "p-c.scope", "/a.slice/a-b.slice/a-b-c.slice/p-c.scope"},
		{"user.slice:p:c", "x", "user.slice", "p-c.scope", "/user.slice/p-c.scope"},
		{"kubepods-besteffort-pod1_2.slice:cri-containerd:c", "x", "kubepods-besteffort-pod1_2.slice",
			"cri-containerd-c.scope", "/kubepods.slice/kubepods-besteffort.slice/" +
				"kubepods-besteffort-pod1_2.slice/cri-containerd-c.scope"},
		{"", "a+b", "system.slice", `rung-a\x2bb.scope`, `/system.slice/rung-a\x2bb.scope`},
		{"::a b/ü@c", "x", "system.slice", `a\x20b-\xc3\xbc\x40c.scope`, `/system.slice/a\x20b-\xc3\xbc\x40c.scope`},
		{"::a.scope", "x", "system.slice", "a.scope.scope", "/system.slice/a.scope.scope"},
	} {
		u, err := parseUnit(tt.path, tt.id, "system.slice")
		if err != nil {
			t.Errorf("%q: %v", tt.path, err)
			continue
		}
		if u.slice != tt.slice || u.name != tt.name || u.path() != tt.cgroup {
			t.Errorf("%q: %s in %s at %s, want %s in %s at %s", tt.path, u.name, u.slice, u.path(),
				tt.name, tt.slice, tt.cgroup)
		}
	}
}

func TestParseUnitRefuses(t *testing.T) {
	for path, want := range map[string]string{
		"plain":                 "needs SLICE:PREFIX:NAME",
		"/a/path":               "needs SLICE:PREFIX:NAME",
		"a.slice:b":             "needs SLICE:PREFIX:NAME",
		"a.slice:b:c:d":         "needs SLICE:PREFIX:NAME",
		"a.slice:b:":            "NAME",
		"a:b:c":                 "its name ends in .slice",
		".slice:b:c":            "before or behind a dash",
		"-a.slice:b:c":          "before or behind a dash",
		"a-.slice:b:c":          "before or behind a dash",
		"a--b.slice:b:c":        "before or behind a dash",
		"a/b.slice:b:c":         "'/' cannot be",
		"../x.slice:b:c":        "'/' cannot be",
		"a.slice:b:c.slice":     "is a slice",
		"::" + long(250):        "256 characters",
		long(250) + ".slice::c": "256 characters",
	} {
		_, err := parseUnit(path, "id", "system.slice")
		const property = "linux.cgroupsPath: "
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), property) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
}

func long(n int) string { return strings.Repeat("x", n) }

// Whatever the path, the cgroup is below the one of the service manager.
func FuzzParseUnit(f *testing.F) {
	f.Add("a-b.slice:p:c")
	f.Add("..slice:..:../..")
	f.Fuzz(func(t *testing.T, path string) {
		u, err := parseUnit(path, "id", "system.slice")
		if err != nil {
			return
		}
		for part := range strings.SplitSeq(u.path()[1:], "/") {
			if !strings.HasSuffix(part, ".slice") && !strings.HasSuffix(part, ".scope") {
				t.Fatalf("%q: %q", path, u.path())
			}
		}
	})
}
