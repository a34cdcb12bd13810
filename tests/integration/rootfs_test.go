package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

func TestTmpCopyUp(t *testing.T) {
	t.Parallel()
	c := bundle.New(t,
		bundle.Shell("cd /data && cat dir/file && readlink link && stat -c '%a %u:%g %F' dir dir/file fifo . && "+
			"touch new && echo changed >dir/file"),
		bundle.Mount(specs.Mount{Destination: "/data", Type: "tmpfs", Source: "tmpfs", Options: []string{"tmpcopyup"}}))
	write(t, c.Path("data/dir/file"), "content\n")
	for _, err := range []error{
		os.Symlink("dir/file", c.Path("data/link")), os.Chmod(c.Path("data/dir/file"),
			os.ModeSetuid|0o750), os.Chown(c.Path("data/dir"), 3, 4), os.Chmod(c.Path("data"), 0o711),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	host(t, "mkfifo", "--mode", "600", c.Path("data/fifo"))
	c.Run().OK().Prints("content\ndir/file\n755 3:4 directory\n4750 0:0 regular file\n600 0:0 fifo\n711 0:0 directory")
	if text := read(t, c.Path("data/dir/file")); text != "content" {
		t.Errorf("the image was changed: %q", text)
	}
	if _, err := os.Stat(c.Path("data/new")); err == nil {
		t.Error("the image has a new file")
	}
	bad := bundle.New(t, bundle.Mount(specs.Mount{Destination: "/data", Type: "proc", Source: "proc",
		Options: []string{"tmpcopyup"}}))
	bad.Create().Fails("tmpcopyup")
}

func TestMountDestinations(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, destination, want string // want: where it is
		link, target            string
	}{
		{"made", "/made/for/it", "/made/for/it", "", ""},
		{"relative", "made/for/it", "/made/for/it", "", ""},
		{"absolute link", "/link/here", "/home/here", "link", "/home"},
		{"relative link", "/var/link/here", "/home/here", "var/link", "../home"},
		{"link above the root", "/link/here", "/home/here", "link", "../../../../../home"},
		{"dangling link", "/var/run/here", "/nowhere/here", "var/run", "/nowhere"},
		{"dangling relative link", "/var/run", "/var/nowhere", "var/run", "nowhere"},
		{"dots", "/./home//here/.", "/home/here", "", ""},
		{"dots that lead up", "/home/../made", "/made", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, bundle.Args("cat", "/proc/self/mountinfo"),
				bundle.Mount(specs.Mount{Destination: test.destination, Type: "tmpfs", Source: "here"}))
			if test.link != "" {
				if err := os.Symlink(test.target, c.Path(test.link)); err != nil {
					t.Fatal(err)
				}
			}
			if m := findMount(t, c.Run().OK().Stdout, test.want); m.source != "here" {
				t.Errorf("there is %+v", m)
			}
		})
	}
	for _, destination := range []string{"/", "/home/..", "..", "/."} {
		c := bundle.New(t, bundle.Mount(specs.Mount{Destination: destination, Type: "tmpfs", Source: "tmpfs"}))
		c.Create().Fails("mounts[7]")
		c.LeavesNothing()
	}
}

func TestBindMounts(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	write(t, filepath.Join(dir, "dir/file"), "in the directory\n")
	write(t, filepath.Join(dir, "file"), "a file\n")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "sock")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	host(t, "mkfifo", filepath.Join(dir, "fifo"))
	if err := os.Symlink("file", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	bind := func(source, destination string) bundle.Change {
		return bundle.Mount(specs.Mount{Destination: destination, Source: filepath.Join(dir, source),
			Options: []string{"bind"}})
	}
	got := printed(t,
		"cat /a/dir/file /a/file /etc/passwd /a/link; stat -c %F /a/sock /a/fifo /dev/zero2; head -c 2 /dev/zero2 | "+
			"wc -c",
		bind("dir", "/a/dir"), bind("file", "/a/file"), bind("file", "/etc/passwd"), bind("link",
			"/a/link"), bind("sock", "/a/sock"), bind("fifo", "/a/fifo"),
		bundle.Mount(specs.Mount{Destination: "/dev/zero2", Source: "/dev/zero", Type: "bind"}))
	if want := "in the directory\na file\na file\na file\nsocket\nfifo\ncharacter special file\n2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	relative := bundle.New(t, bundle.Args("cat", "/mnt/file"),
		bundle.Mount(specs.Mount{Destination: "/mnt", Source: "data", Options: []string{"rbind"}}))
	write(t, filepath.Join(relative.Bundle, "data/file"), "of the bundle\n")
	relative.Run().OK().Prints("of the bundle")

	const mixed = "not a directory" // by which Docker knows what was mixed up
	for _, test := range []struct{ source, destination, want string }{
		{"dir", "/etc/passwd", mixed}, {"file", "/etc", mixed}, {"missing", "/mnt", "missing"},
	} {
		c := bundle.New(t, bind(test.source, test.destination))
		c.Create().Fails(test.want, test.destination)
		c.LeavesNothing()
	}
}

func TestRemount(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("cat", "/proc/self/mountinfo"),
		bundle.Mount(specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs", Options: []string{"noexec"}}),
		bundle.Mount(specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs",
			Options: []string{"remount", "ro", "nosuid", "size=1024k"}}))
	m := findMount(t, c.Run().OK().Stdout, "/mnt")
	if !has(m.options, "ro", "nosuid", "!noexec") || !has(m.super, "size=1024k") {
		t.Errorf("got %+v", m)
	}
}

// Podman mounts images as overlays whose option lowerdir is longer than what
// fsconfig(2) takes.
func TestOverlayWithLongOptions(t *testing.T) {
	t.Parallel()
	lower := filepath.Join(newDir(t), strings.Repeat("long/", 40))
	write(t, filepath.Join(lower, "a/of-a"), "")
	write(t, filepath.Join(lower, "b/of-b"), "")
	overlay := func(lowerdir string) *bundle.Container {
		return bundle.New(t,
			bundle.Shell("ls /mnt; touch /mnt/f 2>/dev/null || echo read-only; grep -c ' /mnt .*nosuid' "+
				"/proc/self/mounts"),
			bundle.Mount(specs.Mount{Destination: "/mnt", Type: "overlay", Source: "overlay",
				Options: []string{"lowerdir=" + lowerdir, "ro", "nosuid"}}))
	}
	overlay(lower + "/a:" + lower + "/b").Run().OK().Prints("of-a\nof-b\nread-only\n1")
	overlay(lower+"/a:"+lower+"/missing").Create().Fails("mounting overlay on /mnt", "no such file or directory")
	overlay(strings.Repeat(lower+"/a:", 20)+lower+"/b").Create().Fails("mounts[", "the options are")
}

// Why a filesystem refuses an option only the kernel knows.
func TestMountErrorHasTheKernelsWords(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fstype  string
		options []string
		want    string
	}{
		{"tmpfs", []string{"unheard=1"}, "Unknown parameter 'unheard'"},
		{"tmpfs", []string{"size=many"}, "Bad value for 'size'"},
		{"devpts", []string{"mode=9"}, "mode"},
		{"missingfs", nil, "no such device"},
	} {
		c := bundle.New(t, bundle.Mount(specs.Mount{Destination: "/mnt", Type: test.fstype, Source: "none",
			Options: test.options}))
		c.Create().Fails("mounting "+test.fstype+" on /mnt", test.want)
		c.LeavesNothing()
	}
}

func TestReadonlyRoot(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("(touch /file) 2>&1; touch /dev/file /mnt/file && echo written"),
		func(s *specs.Spec) {
			s.Root.Readonly = true
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs"})
		})
	c.Run().OK().Prints("touch: /file: Read-only file system\nwritten")
	if _, err := os.Stat(c.Path("file")); err == nil {
		t.Error("the image was changed")
	}
}

func TestMaskedAndReadonlyPaths(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell(`
		cat /secret/file /etc/masked | wc -c; ls -A /dir | wc -l
		(touch /dir/x) 2>&1; (touch /ro/x) 2>&1; (touch /ro/below/x) 2>&1; cat /ro/file
		(echo x >/ro/file) 2>&1; (echo 1 >/proc/sys/kernel/panic) 2>&1; echo ready; exec sleep 1000`),
		bundle.Mount(specs.Mount{Destination: "/ro/below", Type: "tmpfs", Source: "tmpfs"}),
		func(s *specs.Spec) {
			s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/secret/file", "/etc/masked", "/dir", "/missing",
				"/etc/masked/missing")
			s.Linux.ReadonlyPaths = append(s.Linux.ReadonlyPaths, "/ro", "/missing")
		})
	write(t, c.Path("secret/file"), "secret")
	write(t, c.Path("etc/masked"), "secret")
	write(t, c.Path("dir/file"), "secret")
	write(t, c.Path("ro/file"), "readable\n")
	created := start(t, c)
	want := "0\n0\ntouch: /dir/x: Read-only file system\ntouch: /ro/x: Read-only file system\ntouch: /ro/below/x: " +
		"Read-only file system\nreadable\n" +
		"sh: can't create /ro/file: Read-only file system\nsh: can't create /proc/sys/kernel/panic: Read-only file " +
		"system\nready\n"
	if got, _ := created.Output(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	m := findMount(t, read(t, fmt.Sprintf("/proc/%d/mountinfo", c.State().Pid)), "/dir")
	if m.fstype != "tmpfs" || !has(m.options, "ro", "nosuid", "nodev", "noexec") {
		t.Errorf("a directory is masked by %+v", m)
	}
	if text := read(t, c.Path("secret/file")); text != "secret" {
		t.Errorf("the image was changed: %q", text)
	}
}

func TestSysctl(t *testing.T) {
	t.Parallel()
	before := read(t, "/proc/sys/net/ipv4/ip_forward") + read(t, "/proc/sys/kernel/shmmax")
	got := printed(t,
		"cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/lo/log_martians "+
			"/proc/sys/net/ipv4/ping_group_range /proc/sys/kernel/shmmax /proc/sys/fs/mqueue/msg_max",
		func(s *specs.Spec) {
			s.Linux.Sysctl = map[string]string{
				"net.ipv4.ip_forward": "1", "net/ipv4/conf/lo/log_martians": "1", "net.ipv4.ping_group_range": "0 7",
				"kernel.shmmax": "123456", "fs.mqueue.msg_max": "77",
			}
		})
	if got != "1\n1\n0\t7\n123456\n77" {
		t.Errorf("got %q", got)
	}
	if after := read(t, "/proc/sys/net/ipv4/ip_forward") + read(t, "/proc/sys/kernel/shmmax"); after != before {
		t.Errorf("of the host: %s, before %s", after, before)
	}
	for _, test := range []struct {
		key    string
		change bundle.Change
	}{
		{"kernel.panic", func(*specs.Spec) {}},
		{"vm.swappiness", func(*specs.Spec) {}},
		{"kernel/core_pattern", func(*specs.Spec) {}},
		{"net.ipv4.ip_forward", bundle.WithoutNamespace(specs.NetworkNamespace)},
		{"kernel.shmmax", bundle.WithoutNamespace(specs.IPCNamespace)},
		{"net.ipv4.ip_forward", bundle.Namespace(specs.NetworkNamespace, "/proc/self/ns/net")},
		{"net/../kernel/panic", func(*specs.Spec) {}},
		{"net.ipv4.missing", func(*specs.Spec) {}},
	} {
		c := bundle.New(t, test.change, func(s *specs.Spec) {
			s.Linux.Sysctl = map[string]string{test.key: read(t, "/proc/sys/net/ipv4/ip_forward")}
		})
		if r := c.Create(); r.Code != 1 || !strings.Contains(r.Stderr, test.key) {
			t.Errorf("%s: exit status %d, %s", test.key, r.Code, r.Stderr)
		}
	}
}

// Without a mount namespace the root is changed with chroot alone, and there is
// nothing to mount. It runs in a mount namespace of the test's.
func TestNoMountNamespace(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.WithoutNamespace(specs.MountNamespace), bundle.Shell("echo *; cat /etc/group | head -1"),
		func(s *specs.Spec) {
			s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil, nil
		})
	c.Run().OK().Prints("bin dev etc home mnt proc run sys tmp var\nroot:x:0:")
	c.Configure(bundle.WithoutNamespace(specs.MountNamespace), func(s *specs.Spec) {
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
		s.Mounts = []specs.Mount{{Destination: "/mnt", Type: "tmpfs", Source: "none"}}
	})
	if r := c.Run().OK(); !strings.Contains(r.Stderr, "stay below "+c.Path("")) {
		t.Errorf("nothing is said of the mount that stays: %s", r.Stderr)
	}
	host(t, "umount", c.Path("mnt"))
	refused := bundle.New(t, bundle.WithoutNamespace(specs.MountNamespace), func(s *specs.Spec) { s.Mounts = nil })
	refused.Create().Fails("mount namespace")
	refused.LeavesNothing()
}

func TestNoPivot(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("ls -d /bin /etc/passwd; ls -d "+bundle.Scratch()+
		" 2>/dev/null; cat /proc/self/mountinfo | wc -l; ls -l /proc/1/root | sed 's/.* //'"))
	r := c.Run("--no-pivot")
	lines := strings.Split(strings.TrimSpace(r.Stdout), "\n")
	if len(lines) != 4 || lines[0] != "/bin" || lines[1] != "/etc/passwd" || lines[3] != "/" {
		t.Errorf("got %q", r.Stdout)
	}
	if n, _ := strconv.Atoi(lines[2]); n < 5 {
		t.Errorf("%s mounts are to be seen", lines[2])
	}
	refused := bundle.New(t, func(s *specs.Spec) { s.Linux.RootfsPropagation = "private" })
	refused.Create("--no-pivot").Fails("--no-pivot", "linux.rootfsPropagation")
	refused.LeavesNothing()
}

// There may be thousands of mounts.
func TestManyMounts(t *testing.T) {
	t.Parallel()
	const n = 3000
	c := bundle.New(t, bundle.Shell(`cd /tmp/many && ls | wc -l; grep -c /tmp/many/ /proc/self/mountinfo`),
		func(s *specs.Spec) {
			for i := range n {
				s.Mounts = append(s.Mounts, specs.Mount{Destination: fmt.Sprintf("/tmp/many/%d", i),
					Source:  "/etc/passwd",
					Options: []string{"bind"}})
			}
		})
	c.Run().OK().Prints(fmt.Sprintf("%d\n%d", n, n))
}

// Nothing of the host's can be reached when the root was moved: no procfs, wherever it is mounted, lets a
// user namespace inside mount one without the masks.
func TestNoPivotLeavesNoProcfs(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	mounted(t, dir+"/chroot/proc", "-t", "proc", "proc")
	mounted(t, dir+"/chroot/proc", "-t", "proc", "proc") // stacked
	for _, test := range []struct {
		name   string
		change bundle.Change
	}{
		{"users", userNamespace(100000)},
		{"shared", func(s *specs.Spec) { s.Linux.RootfsPropagation = "shared" }},
		{"private", func(*specs.Spec) {}},
	} {
		if test.name == "private" { // where the cover may be taken away, what it covers is, too
			mounted(t, dir+"/hidden/proc", "-t", "proc", "proc")
			mounted(t, dir+"/hidden", "-t", "tmpfs", "none")
		}
		c := bundle.New(t, test.change, func(s *specs.Spec) { // with which docker starts containers
			set := s.Process.Capabilities
			for _, list := range []*[]string{&set.Bounding, &set.Permitted, &set.Effective} {
				*list = append(*list, "CAP_SETFCAP")
			}
		}, bundle.Shell("unshare -U -r -m -p -f sh -c 'mount -t proc proc /mnt && echo mounted' 2>&1"))
		r := c.Run("--no-pivot")
		if strings.Contains(r.Stdout, "mounted") {
			t.Errorf("%s: a procfs is mounted: %s%s", test.name, r.Stdout, r.Stderr)
		}
		host(t, "test", "-d", dir+"/chroot/proc/1") // the host's are still there
		host(t, "test", "-d", "/proc/1")
	}
}
