package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// mountOf is the last line of a mountinfo for a mount point, in its parts.
type mountOf struct {
	root, options, optional, fstype, source, super string
}

func findMount(t *testing.T, mountinfo, point string) (found mountOf) {
	t.Helper()
	for _, line := range strings.Split(mountinfo, "\n") {
		before, after, ok := strings.Cut(line, " - ")
		f, s := strings.Fields(before), strings.Fields(after)
		if ok && len(f) >= 6 && len(s) == 3 && f[4] == point {
			found = mountOf{f[3], f[5], strings.Join(f[6:], " "), s[0], s[1], s[2]}
		}
	}
	if found == (mountOf{}) {
		t.Fatalf("no mount on %s in\n%s", point, mountinfo)
	}
	return found
}

// has tells whether a list has all options, and none of those with !.
func has(list string, options ...string) bool {
	have := strings.Split(list, ",")
	for _, o := range options {
		name, unwanted := strings.CutPrefix(o, "!")
		if slices.Contains(have, name) == unwanted {
			return false
		}
	}
	return true
}

// The options of the specification, on a tmpfs and on a bind mount. In want and
// super an option with ! must not be there.
func TestMountOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		options string
		want    string // of the mount
		super   string // of the filesystem, only for a tmpfs
	}{
		{"", "rw,relatime,!nosuid,!nodev,!noexec", "rw"},
		{"defaults", "rw,relatime", ""},
		{"ro", "ro", ""},
		{"ro,rw", "rw", ""},
		{"rw,ro", "ro", ""},
		{"nosuid", "nosuid", ""},
		{"nosuid,suid", "!nosuid", ""},
		{"nodev", "nodev", ""},
		{"nodev,dev", "!nodev", ""},
		{"noexec", "noexec", ""},
		{"noexec,exec", "!noexec", ""},
		{"noatime", "noatime,!relatime", ""},
		{"noatime,atime", "relatime,!noatime", ""},
		{"strictatime", "!relatime,!noatime", ""},
		{"strictatime,relatime", "relatime", ""},
		{"strictatime,noatime", "noatime", ""},
		{"nodiratime", "nodiratime", ""},
		{"nodiratime,diratime", "!nodiratime", ""},
		{"nosymfollow", "nosymfollow", ""},
		{"nosymfollow,symfollow", "!nosymfollow", ""},
		{"nosuid,nodev,noexec,ro,noatime", "nosuid,nodev,noexec,ro,noatime", ""},
		{"sync", "", "sync"},
		{"sync,async", "", "!sync"},
		{"dirsync", "", "dirsync"},
		{"lazytime", "", "lazytime"},
		{"lazytime,nolazytime", "", "!lazytime"},
		{"size=1024k,mode=0711,nr_inodes=77", "", "size=1024k,mode=711,nr_inodes=77"},
		{"silent,loud,nomand,noiversion,norelatime,nostrictatime", "rw", ""},
		{"rro", "ro", ""},
		{"rnosuid,rnodev,rnoexec", "nosuid,nodev,noexec", ""},
		{"nosuid,rsuid", "!nosuid", ""},
		{"rnoatime", "noatime", ""},
	}
	dir := newDir(t)
	for _, test := range tests {
		t.Run(test.options, func(t *testing.T) {
			t.Parallel()
			options := strings.FieldsFunc(test.options, func(r rune) bool { return r == ',' })
			changes := []bundle.Change{
				bundle.Shell("cat /proc/self/mountinfo"),
				bundle.Mount(specs.Mount{Destination: "/mnt/tmpfs", Type: "tmpfs", Source: "source", Options: options}),
			}
			bind := test.super == ""
			if bind {
				changes = append(changes, bundle.Mount(specs.Mount{Destination: "/mnt/bind", Source: dir,
					Options: append([]string{"bind"}, options...)}))
			}
			c := bundle.New(t, changes...)
			mountinfo := c.Run().OK().Stdout
			m := findMount(t, mountinfo, "/mnt/tmpfs")
			if m.fstype != "tmpfs" || m.source != "source" {
				t.Errorf("mounted is %+v", m)
			}
			if test.want != "" && !has(m.options, strings.Split(test.want, ",")...) {
				t.Errorf("tmpfs: %s, want %s", m.options, test.want)
			}
			if test.super != "" && !has(m.super, strings.Split(test.super, ",")...) {
				t.Errorf("tmpfs: superblock %s, want %s", m.super, test.super)
			}
			if bind && test.want != "" {
				if m := findMount(t, mountinfo, "/mnt/bind"); !has(m.options, strings.Split(test.want, ",")...) {
					t.Errorf("bind: %s, want %s", m.options, test.want)
				}
			}
		})
	}
}

// Recursive options reach what is mounted below the source of a bind mount, and
// the others do not.
func TestRecursiveMountOptions(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	mounted(t, filepath.Join(dir, "tree"), "-t", "tmpfs", "none")
	mounted(t, filepath.Join(dir, "tree/below"), "-t", "tmpfs", "-o", "noexec", "none")
	tests := []struct{ options, top, below string }{
		{"rbind,ro", "ro", "rw,noexec"},
		{"rbind,rro", "ro", "ro,noexec"},
		{"rbind,ro,rrw", "rw", "rw"},
		{"rbind,rnosuid,rnodev", "nosuid,nodev", "nosuid,nodev,noexec"},
		{"rbind,rexec", "!noexec", "!noexec"},
		{"rbind,rnoexec,exec", "noexec", "noexec"},
		{"rbind,rnoatime", "noatime", "noatime"},
		{"rbind,noatime", "noatime", "relatime"},
		{"rbind,rstrictatime", "!relatime,!noatime", "!relatime,!noatime"},
		{"rbind,rnodiratime", "nodiratime", "nodiratime"},
		{"rbind,rnosymfollow", "nosymfollow", "nosymfollow"},
		{"bind,rro", "ro", ""},
	}
	for _, test := range tests {
		t.Run(test.options, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, bundle.Shell("cat /proc/self/mountinfo"),
				bundle.Mount(specs.Mount{Destination: "/mnt", Source: filepath.Join(dir, "tree"),
					Options: strings.Split(test.options, ",")}))
			mountinfo := c.Run().OK().Stdout
			if m := findMount(t, mountinfo, "/mnt"); !has(m.options, strings.Split(test.top, ",")...) {
				t.Errorf("top: %s, want %s", m.options, test.top)
			}
			if test.below == "" {
				if strings.Contains(mountinfo, " /mnt/below ") {
					t.Error("bind is recursive")
				}
				return
			}
			if m := findMount(t, mountinfo, "/mnt/below"); !has(m.options, strings.Split(test.below, ",")...) {
				t.Errorf("below: %s, want %s", m.options, test.below)
			}
		})
	}
}

func TestMountPropagation(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	mounted(t, filepath.Join(dir, "shared"), "-t", "tmpfs", "none")
	host(t, "mount", "--make-shared", filepath.Join(dir, "shared"))
	tests := []struct {
		rootfs, option string
		marks          string // in mountinfo's optional fields
		appears        bool   // what is mounted on the host
		leaks          bool   // what is mounted in the container
	}{
		{"", "private", "", false, false},
		{"", "rprivate", "", false, false},
		{"", "slave", "master:", true, false},
		{"", "rslave", "master:", true, false},
		{"", "unbindable", "unbindable", false, false},
		{"", "", "master:", true, false},
		{"private", "", "", false, false},
		{"rslave", "", "master:", true, false},
		{"shared", "rshared", "shared:", true, true},
	}
	for i, test := range tests {
		t.Run(test.rootfs+"/"+test.option, func(t *testing.T) {
			options := []string{"rbind"}
			if test.option != "" {
				options = append(options, test.option)
			}
			c := bundle.New(t, bundle.Mount(specs.Mount{Destination: "/mnt", Source: filepath.Join(dir, "shared"),
				Options: options}),
				capabilities("CAP_SYS_ADMIN"), func(s *specs.Spec) { s.Linux.RootfsPropagation = test.rootfs },
				bundle.Shell("mkdir /mnt/inside; mount -t tmpfs none /mnt/inside; "+idle))
			start(t, c)
			mountinfo := fmt.Sprintf("/proc/%d/mountinfo", c.State().Pid)
			m := findMount(t, read(t, mountinfo), "/mnt")
			if (test.marks == "") != (m.optional == "") || !strings.Contains(m.optional, test.marks) {
				t.Errorf("propagation %q, want %q", m.optional, test.marks)
			}
			outside := fmt.Sprintf("outside%d", i)
			mounted(t, filepath.Join(dir, "shared", outside), "-t", "tmpfs", "none")
			if got := strings.Contains(read(t, mountinfo), " /mnt/"+outside+" "); got != test.appears {
				t.Errorf("a mount of the host appears: %v, want %v", got, test.appears)
			}
			if got := strings.Contains(read(t, "/proc/self/mountinfo"), "/shared/inside "); got != test.leaks {
				t.Errorf("a mount of the container appears on the host: %v, want %v", got, test.leaks)
			}
			if strings.Contains(read(t, "/proc/self/mountinfo"), "/shared/inside ") {
				host(t, "umount", filepath.Join(dir, "shared/inside"))
			}
			c.Delete("--force").OK()
		})
	}
}

func TestRootfsPropagation(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ value, want string }{
		{"private", ""}, {"rprivate", ""}, {"slave", ""}, {"shared", "shared:"}, {"unbindable", "unbindable"},
	} {
		t.Run(test.value, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, bundle.Args("cat", "/proc/self/mountinfo"), func(s *specs.Spec) {
				s.Linux.RootfsPropagation = test.value
			})
			m := findMount(t, c.Run().OK().Stdout, "/")
			if got := strings.Contains(m.optional, "shared:") ||
				strings.Contains(m.optional, "unbindable"); got != (test.want != "") ||
				!strings.Contains(m.optional, test.want) {
				t.Errorf("the root's propagation is %q, want %q", m.optional, test.want)
			}
		})
	}
	c := bundle.New(t, func(s *specs.Spec) { s.Linux.RootfsPropagation = "unknown" })
	c.Create().Fails("linux.rootfsPropagation", "unknown")
}

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

func TestDevices(t *testing.T) {
	t.Parallel()
	mode, uid, gid := os.FileMode(0o640), uint32(3), uint32(4)
	got := printed(t, `cd /dev
		stat -c '/dev/%n %F %t:%T %a %u:%g' null zero full random urandom tty char sub/block fifo unbuffered
		for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done; stat -c %a:%F /dev/pts/ptmx`,
		func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{
				{Path: "/dev/char", Type: "c", Major: 1, Minor: 5, FileMode: &mode, UID: &uid, GID: &gid},
				{Path: "/dev/sub/block", Type: "b", Major: 7, Minor: 300, FileMode: &mode},
				{Path: "/dev/fifo", Type: "p", UID: &uid},
				{Path: "/dev/unbuffered", Type: "u", Major: 300, Minor: 1, GID: &gid},
			}
		})
	want := `/dev/null character special file 1:3 666 0:0
/dev/zero character special file 1:5 666 0:0
/dev/full character special file 1:7 666 0:0
/dev/random character special file 1:8 666 0:0
/dev/urandom character special file 1:9 666 0:0
/dev/tty character special file 5:0 666 0:0
/dev/char character special file 1:5 640 3:4
/dev/sub/block block special file 7:12c 640 0:0
/dev/fifo fifo 0:0 666 3:0
/dev/unbuffered character special file 12c:1 666 0:4
/proc/self/fd
/proc/self/fd/0
/proc/self/fd/1
/proc/self/fd/2
pts/ptmx
666:character special file`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestExistingDevice(t *testing.T) {
	t.Parallel()
	device := func(s *specs.Spec) {
		s.Linux.Devices = []specs.LinuxDevice{{Path: "/opt/device", Type: "c", Major: 1, Minor: 5}}
	}
	same := bundle.New(t, device, bundle.Shell("head -c 3 /opt/device | wc -c"))
	write(t, same.Path("opt/other"), "")
	host(t, "mknod", same.Path("opt/device"), "c", "1", "5")
	same.Run().OK().Prints("3")
	for name, make := range map[string]func(c *bundle.Container){
		"number": func(c *bundle.Container) { host(t, "mknod", c.Path("opt/device"), "c", "1", "3") },
		"type":   func(c *bundle.Container) { host(t, "mknod", c.Path("opt/device"), "b", "1", "5") },
		"file":   func(c *bundle.Container) { write(t, c.Path("opt/device"), "") },
		"link": func(c *bundle.Container) {
			if err := os.Symlink("/dev/zero", c.Path("opt/device")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		c := bundle.New(t, device)
		write(t, c.Path("opt/other"), "")
		make(c)
		r := c.Create()
		if r.Code != 1 || !strings.Contains(r.Stderr, "/opt/device") {
			t.Errorf("%s: exit status %d, %s", name, r.Code, r.Stderr)
		}
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
	refused := bundle.New(t, bundle.WithoutNamespace(specs.MountNamespace), func(s *specs.Spec) { s.Mounts = nil })
	refused.Create().Fails("mount namespace")
	refused.LeavesNothing()
}

func TestNoPivot(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("ls -d /bin /etc/passwd; ls -d "+bundle.Scratch()+
		" 2>/dev/null; cat /proc/self/mountinfo | wc -l; ls -l /proc/1/root | sed 's/.* //'"))
	r := c.Run("--no-pivot").OK()
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
