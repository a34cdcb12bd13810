package cgroups

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rung-oci/rung/internal/kernel"
)

// A hybrid machine: co-mounted controllers, a hierarchy without controllers, one
// mounted twice, and other file systems with cgroup in their names.
const hybridMounts = `23 27 0:22 / /sys rw,relatime - sysfs sysfs rw
30 23 0:28 / /sys/fs/cgroup ro,relatime shared:9 - tmpfs tmpfs ro,mode=755
31 30 0:29 / /mnt/cpu rw - cgroup cgroup rw,cpu,cpuacct
32 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:10 master:3 - cgroup cgroup rw,cpu,cpuacct
33 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
34 30 0:32 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/a,name=systemd
35 30 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
36 30 0:34 / /srv/with\040space/net_cls rw - cgroup cgroup ro,net_cls
37 27 0:35 / /data rw - cgroupish x rw,memory
38 27 0:36 / /torn rw - cgroup
`

const hybridSelf = `12:perf_event:/
4:memory:/user.slice/a:b
3:cpu,cpuacct:/user.slice
2:net_cls:/
1:name=systemd:/user.slice/session-1.scope
0::/user.slice/session-1.scope
`

func parseText(mountinfo, self string) Hierarchies {
	return parseTextAt(mountinfo, self, "")
}

// parseTextAt parses where one file system is seen at all paths.
func parseTextAt(mountinfo, self, device string) Hierarchies {
	found, _ := parse(kernel.ParseMounts(strings.NewReader(mountinfo)), []byte(self),
		func(string) string { return device })
	return found
}

func TestParse(t *testing.T) {
	got := parseText(hybridMounts, hybridSelf)
	want := Hierarchies{
		{"cpu,cpuacct", []string{"cpu", "cpuacct"}, false, "/sys/fs/cgroup/cpu,cpuacct", "/", "/user.slice",
			"cpu,cpuacct"},
		{"memory", []string{"memory"}, false, "/sys/fs/cgroup/memory", "/", "/user.slice/a:b", "memory"},
		{"systemd", []string{"name=systemd"}, false, "/sys/fs/cgroup/systemd", "/", "/user.slice/session-1.scope",
			"xattr,release_agent=/lib/a,name=systemd"},
		{"unified", nil, true, "/sys/fs/cgroup/unified", "/", "/user.slice/session-1.scope", "nsdelegate"},
		{"net_cls", []string{"net_cls"}, false, "/srv/with space/net_cls", "/", "/", "net_cls"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%#v\nwant\n%#v", got, want)
	}
}

// A machine within a machine binds its part of a hierarchy over the whole.
func TestParseHiddenMount(t *testing.T) {
	got := parseTextAt(`32 31 0:30 /.. /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
52 32 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
`, "1:cpu:/\n", "0:30")
	want := Hierarchies{{"cpu", []string{"cpu"}, false, "/sys/fs/cgroup/cpu", "/", "/", "cpu"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

// What another file system covers, at the mount point or above, is not mounted; a mount
// elsewhere is taken instead. Only the order of the mounts does not tell.
func TestParseCoveredMount(t *testing.T) {
	const mounts = `30 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw
31 30 0:30 / /mnt/cpu rw - cgroup cgroup rw,cpu
32 30 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
35 30 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`
	const self = "1:cpu:/\n0::/\n"
	for _, c := range []struct{ over, device, want string }{
		{"", "", "/sys/fs/cgroup/cpu /sys/fs/cgroup/unified"},
		{"36 35 0:36 / /sys/fs/cgroup/unified rw - tmpfs tmpfs rw\n", "0:36", "/sys/fs/cgroup/cpu"},
		{"36 30 0:36 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n", "", "/mnt/cpu"},
		{"36 30 0:36 / /sys/fs/cgroup/uni rw - tmpfs tmpfs rw\n", "0:36", "/sys/fs/cgroup/cpu /sys/fs/cgroup/unified"},
		{"36 30 8:1 / / rw - ext4 /dev/a rw\n", "0:35", "/sys/fs/cgroup/unified"},
	} {
		var points []string
		for _, h := range parseTextAt(mounts+c.over, self, c.device) {
			points = append(points, h.Mountpoint)
		}
		if got := strings.Join(points, " "); got != c.want {
			t.Errorf("%q: got %s, want %s", c.over, got, c.want)
		}
	}
}

func TestOwnPath(t *testing.T) {
	for _, c := range []struct{ root, path, want string }{
		{"/", "/", "/"},
		{"/", "/a/b", "/a/b"},
		{"/docker/x", "/docker/x", "/"},            // a container without a cgroup namespace
		{"/docker/x", "/docker/x/child", "/child"}, // a process below its root
		{"/docker/x", "/docker/xyz", ""},
		{"/docker/x", "/", ""},
		{"/..", "/", ""},      // mounted outside of the cgroup namespace
		{"/", "/../peer", ""}, // the process is outside of it
		{"/", "/..", ""},
		{"/", "/..a", "/..a"},
	} {
		if got := (&Hierarchy{Root: c.root}).Below(c.path); got != c.want {
			t.Errorf("below(%q, %q) = %q, want %q", c.root, c.path, got, c.want)
		}
	}
}

func TestLinks(t *testing.T) {
	dir := t.TempDir()
	mount := filepath.Join(dir, "cpu,cpuacct")
	if err := os.Mkdir(mount, 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"cpu": "cpu,cpuacct", "cpuacct": mount, "other": mount,
		"perf_event": "elsewhere"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	h := Hierarchy{Name: "cpu,cpuacct", Mountpoint: mount,
		Controllers: []string{"cpu", "cpuacct", "perf_event", "absent"}}
	if got, want := h.Links(), []string{"cpu", "cpuacct"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(hybridMounts), []byte(hybridSelf))
	f.Add([]byte(`1 1 0:1 /\04 /\777 rw - cgroup c rw,a`), []byte("1:a:/"))
	f.Fuzz(func(t *testing.T, mountinfo, self []byte) {
		seen := make(map[string]bool)
		for _, h := range parseText(string(mountinfo), string(self)) {
			if h.Mountpoint == "" || h.Own != "" && !bytes.Contains(self, []byte(h.Own)) && h.Own != "/" {
				t.Errorf("%+v", h)
			}
			if h.Unified == (len(h.Controllers) > 0) {
				t.Errorf("controllers of %+v", h)
			}
			if seen[h.Label()] {
				t.Errorf("%s twice", h.Label())
			}
			seen[h.Label()] = true
		}
	})
}

func TestFindReadsThisMachine(t *testing.T) {
	h, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for i := range h {
		if !strings.Contains(string(mounts), " "+strings.ReplaceAll(h[i].Mountpoint, " ", `\040`)+" cgroup") {
			t.Errorf("%s is not in /proc/self/mounts", h[i].Mountpoint)
		}
	}
	if n := bytes.Count(mounts, []byte(" cgroup")); n > 0 && len(h) == 0 {
		t.Errorf("none found of %d cgroup mounts", n)
	}
}
