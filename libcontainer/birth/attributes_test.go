package birth

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/spec"
)

const (
	ro     = unix.MOUNT_ATTR_RDONLY
	nosuid = unix.MOUNT_ATTR_NOSUID
	nodev  = unix.MOUNT_ATTR_NODEV
	noexec = unix.MOUNT_ATTR_NOEXEC
	slave  = unix.MS_SLAVE | unix.MS_REC
)

// TestAttributesOfMounts: what a mount is, and what its options have made of it, when
// all mounts are made.
func TestAttributesOfMounts(t *testing.T) {
	bind := func(options ...string) specs.Mount {
		return specs.Mount{Type: "bind", Source: "/src", Options: options}
	}
	tree := func(options ...string) specs.Mount {
		return specs.Mount{Type: "rbind", Source: "/src", Options: options}
	}
	filesystem := func(t string, options ...string) specs.Mount {
		return specs.Mount{Type: t, Source: "s", Options: options}
	}
	remount := func(options ...string) specs.Mount {
		return specs.Mount{Options: append(options, "remount")}
	}
	for _, c := range []struct {
		mounts []specs.Mount
		want   fakeMount
	}{
		{[]specs.Mount{bind()}, fakeMount{from: "/src", propagation: slave}},
		{[]specs.Mount{tree()}, fakeMount{from: "/src", recursive: true, propagation: slave}},
		{[]specs.Mount{bind("ro", "nosuid")}, fakeMount{from: "/src", attr: ro | nosuid, propagation: slave}},
		{[]specs.Mount{tree("rro", "noexec", "private")},
			fakeMount{from: "/src", recursive: true, attr: ro | noexec, below: ro, propagation: unix.MS_PRIVATE}},
		{[]specs.Mount{tree("ro", "rprivate")},
			fakeMount{from: "/src", recursive: true, attr: ro, propagation: unix.MS_PRIVATE | unix.MS_REC}},
		{[]specs.Mount{bind("shared", "size=1")}, fakeMount{from: "/src", propagation: unix.MS_SHARED}},
		{[]specs.Mount{bind("ro"), remount("bind", "nosuid")},
			fakeMount{from: "/src", attr: nosuid, propagation: slave}},
		{[]specs.Mount{bind(), remount("bind", "ro", "size=1k")},
			fakeMount{from: "/src", attr: ro, propagation: slave}},

		{[]specs.Mount{filesystem("tmpfs", "nodev", "size=1", "huge")},
			fakeMount{from: "tmpfs source=s size=1 huge", attr: nodev}},
		{[]specs.Mount{filesystem("tmpfs", "ro", "noexec")}, fakeMount{from: "tmpfs source=s", attr: ro | noexec}},
		{[]specs.Mount{filesystem("proc", "ro")}, fakeMount{from: "proc source=s", attr: ro}},
		{[]specs.Mount{filesystem("ext4", "ro", "sync", "slave")},
			fakeMount{from: "ext4 source=s ro sync", attr: ro, propagation: unix.MS_SLAVE}},
		{[]specs.Mount{filesystem("ext4", "nosuid", "rnodev"), remount("ro", "size=1k")},
			fakeMount{from: "ext4 source=s ro size=1k", attr: ro, below: nodev}},
	} {
		s := spec.Default()
		for i := range c.mounts {
			c.mounts[i].Destination = "/a"
		}
		s.Mounts, s.Process.Terminal = c.mounts, false
		k := &fakeKernel{all: true}
		k.run(t, compiled(t, inputFor(s)).Program)
		if got := k.tops["a"]; got == nil || *got != c.want {
			t.Errorf("%+v\ngot  %+v\nwant %+v", c.mounts, got, c.want)
		}
	}
}

// TestLegacyMounts: what goes through mount(2) goes to a descriptor, too, and has all the
// options that mount(2) takes.
func TestLegacyMounts(t *testing.T) {
	long := "lowerdir=/" + strings.Repeat("l", 300)
	for _, c := range []struct {
		mount specs.Mount
		want  string
	}{
		{specs.Mount{Type: "tmpfs", Options: []string{"iversion", "noexec"}},
			`mount(NULL, ".", NULL, MS_REMOUNT|MS_NOEXEC|0x800000, NULL)`},
		{specs.Mount{Type: "overlay", Options: []string{"nosuid", "ro", "sync", long, "index=off"}},
			`mount("overlay", ".", "overlay", MS_RDONLY|MS_NOSUID|0x10, "` + long + `,index=off")`},
	} {
		c.mount.Destination = "/a"
		s := spec.Default()
		s.Mounts, s.Process.Terminal = []specs.Mount{c.mount}, false
		lines := linesOf(t, compiled(t, inputFor(s)).Program)
		i := slices.IndexFunc(lines, func(l line) bool { return l.text == c.want })
		if i < 0 || lines[i-1].name != "fchdir" || lines[i-1].arg(0) != "$target" && lines[i-1].arg(0) != "$mount" {
			t.Errorf("there is no %s that follows on an fchdir", c.want)
		}
	}
}

// TestAttributesOfCgroups: the list becomes read-only when it is complete, and without a
// namespace a container is shown its own cgroup.
func TestAttributesOfCgroups(t *testing.T) {
	for _, namespace := range []bool{false, true} {
		s := spec.Default()
		s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.MountNamespace}}
		from := "/sys/fs/cgroup/systemd/c1"
		if namespace {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.CgroupNamespace})
			from = "cgroup source=cgroup none name=systemd"
		}
		s.Mounts = []specs.Mount{{Destination: "/cg", Type: "cgroup", Options: []string{"ro", "nosuid"}}}
		s.Hostname, s.Process.Terminal = "", false
		k := &fakeKernel{all: true}
		k.run(t, compiled(t, inputFor(s)).Program)
		for p, want := range map[string]fakeMount{
			"cg":         {from: "tmpfs source=tmpfs mode=755", attr: ro | nosuid},
			"cg/systemd": {from: from, attr: ro | nosuid, propagation: unix.MS_PRIVATE},
		} {
			if got := k.tops[p]; got == nil || *got != want {
				t.Errorf("namespace %v, %s: got %+v, want %+v", namespace, p, got, want)
			}
		}
	}
}

// TestAttributesOfCovers: nothing of the host that a container sees in masked and
// read-only places is the container's to change.
func TestAttributesOfCovers(t *testing.T) {
	for _, readonly := range []bool{false, true} {
		s := spec.Default()
		s.Mounts, s.Process.Terminal, s.Root.Readonly = nil, false, readonly
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = []string{"/proc/acpi", "/proc/kcore"}, []string{"/proc/sys"}
		k := &fakeKernel{tree: map[string]uint64{
			"proc/acpi": unix.S_IFDIR, "proc/kcore": unix.S_IFREG, "proc/sys": unix.S_IFDIR,
		}}
		k.run(t, compiled(t, inputFor(s)).Program)
		for p, want := range map[string]fakeMount{
			"proc/acpi": {from: "tmpfs mode=0755", attr: ro | nosuid | nodev | noexec, propagation: unix.MS_PRIVATE},
			"proc/sys":  {from: "root:proc/sys", recursive: true, attr: ro, below: ro, propagation: slave},
		} {
			if got := k.tops[p]; got == nil || *got != want {
				t.Errorf("%s: got %+v, want %+v", p, got, want)
			}
		}
		if got := k.tops["proc/kcore"]; got == nil || got.from != "openat" || got.propagation != unix.MS_PRIVATE {
			t.Errorf("proc/kcore: got %+v, want the /dev/null that was opened", got)
		}
		want := fakeMount{from: "/bundle/rootfs", recursive: true, propagation: unix.MS_PRIVATE | unix.MS_REC}
		if readonly {
			want.attr = ro
		}
		found := false
		for _, f := range k.closed {
			found = found || f.mount != nil && *f.mount == want
		}
		if !found {
			t.Errorf("root.readonly %v: no %+v", readonly, want)
		}
	}
}
