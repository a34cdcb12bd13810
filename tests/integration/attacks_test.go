package integration

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

// A canary is a directory of the host that an image wants to reach.
type canary struct {
	dir    string
	before string
}

func newCanary(t *testing.T) *canary {
	t.Helper()
	c := &canary{dir: filepath.Join(newDir(t), "canary")}
	for _, name := range []string{"file", "ptmx", "null", "pts/ptmx", "sub/file", "shm/file", "console"} {
		write(t, filepath.Join(c.dir, name), "untouched")
	}
	c.before = c.look(t)
	return c
}

// look describes all that is in the directory.
func (c *canary) look(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(c.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil {
			return err
		}
		fmt.Fprintln(&all, path, st.Ino, st.Mode, st.Uid, st.Gid, st.Size, st.Nlink, st.Dev, st.Mtim, st.Ctim)
		if e.Type().IsRegular() {
			text, err := os.ReadFile(path)
			fmt.Fprintf(&all, "%x\n", sha256.Sum256(text))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// lives requires that nothing has changed.
func (c *canary) lives(t *testing.T) {
	t.Helper()
	if after := c.look(t); after != c.before {
		t.Errorf("the host was changed: before\n%s\nafter\n%s", c.before, after)
	}
	if mountinfo := read(t, "/proc/self/mountinfo"); strings.Contains(mountinfo, c.dir) {
		t.Errorf("something is mounted on the host:\n%s", mountinfo)
	}
}

// link replaces what an image has at a path by a symlink.
func link(t *testing.T, c *bundle.Container, target, path string) {
	t.Helper()
	host(t, "rm", "-rf", "--one-file-system", c.Path(path))
	if err := os.MkdirAll(filepath.Dir(c.Path(path)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, c.Path(path)); err != nil {
		t.Fatal(err)
	}
}

// Symlinks of the image at every component of a mount's destination
// (CVE-2019-18837, CVE-2021-30465, CVE-2024-45310, CVE-2026-47766, CVE-2026-41579).
func TestSymlinksToTheHost(t *testing.T) {
	t.Parallel()
	k := newCanary(t)
	up := strings.Repeat("../", 30)
	links := []struct{ path, below string }{
		{"a", "/b/c"}, {"a/b", "/c"}, {"a/b/c", ""}, {"dev", ""}, {"dev", "/shm"}, {"dev/shm", ""}, {"dev/null",
			""}, {"dev/ptmx", ""},
		{"dev/pts", ""}, {"dev/console", ""}, {"sys/fs", "/cgroup"}, {"run", ""}, {"mnt", ""}, {"etc", ""},
	}
	for _, l := range links {
		t.Run(l.path+"+"+l.below, func(t *testing.T) {
			t.Parallel()
			for _, target := range []string{k.dir, up + k.dir, "/proc/self/root" + k.dir, "/proc/1/cwd/" + up + k.dir,
				"/proc/self/fd/3", "link-to-link"} {
				c := bundle.New(t, bundle.Shell("echo inside"), func(s *specs.Spec) {
					s.Mounts = append(s.Mounts,
						specs.Mount{Destination: "/" + l.path + l.below, Type: "tmpfs", Source: "tmpfs"},
						specs.Mount{Destination: "/" + l.path + l.below + "/new/dir", Source: "/etc",
							Options: []string{"bind"}},
						specs.Mount{Destination: "/" + l.path + l.below + "/new/file", Source: "/etc/hostname",
							Options: []string{"bind"}})
					if strings.HasPrefix(l.path, "dev") { // or it would be hidden below a tmpfs
						s.Mounts = s.Mounts[:1]
					}
					s.Linux.Devices = []specs.LinuxDevice{{Path: "/" + l.path + "/device", Type: "c", Major: 1,
						Minor: 3}}
					s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/"+l.path, "/"+l.path+"/file")
					s.Linux.ReadonlyPaths = append(s.Linux.ReadonlyPaths, "/"+l.path)
					s.Process.Cwd = "/" + l.path + "/cwd"
				})
				link(t, c, target, l.path)
				if target == "link-to-link" {
					link(t, c, k.dir, filepath.Join(filepath.Dir(l.path), target))
				}
				if r := c.Run(); r.Code != 0 && r.Code != 1 {
					t.Errorf("%s → %s: exit status %d: %s", l.path, target, r.Code, r.Stderr)
				}
				c.LeavesNothing()
			}
		})
	}
	t.Cleanup(func() { k.lives(t) })
}

// An image must not choose where /proc and /sys are (CVE-2019-19921,
// CVE-2023-27561, CVE-2023-28642).
func TestSymlinkedProcAndSys(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"proc", "sys"} {
		for _, target := range []string{"/tmp", "tmp", "/nowhere", "/" + path + "2"} {
			c := bundle.New(t, bundle.Shell("echo inside"))
			if err := os.Mkdir(c.Path(path+"2"), 0o755); err != nil {
				t.Fatal(err)
			}
			link(t, c, target, path)
			c.Create().Fails("/" + path)
			c.LeavesNothing()
		}
	}
}

// A mount over /proc is not where labels and sysctls are written
// (CVE-2019-16884, CVE-2025-52881).
func TestFakeProc(t *testing.T) {
	t.Parallel()
	before := read(t, "/proc/sys/net/ipv4/ip_forward") + read(t, "/proc/sys/kernel/panic")
	c := bundle.New(t, bundle.Shell("cat /proc/sys/net/ipv4/ip_default_ttl; echo; "+idle), func(s *specs.Spec) {
		s.Mounts[0] = specs.Mount{Destination: "/proc", Source: "fake", Options: []string{"bind"}}
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
		s.Linux.Sysctl = map[string]string{"net.ipv4.ip_default_ttl": "77"}
	})
	write(t, filepath.Join(c.Bundle, "fake/sys/net/ipv4/ip_default_ttl"), "fake\n")
	created := start(t, c)
	if stdout, _ := created.Output(); stdout != "fake\n\nready\n" {
		t.Errorf("the fake was written: %q", stdout)
	}
	real := host(t, "nsenter", "--net", "--target", fmt.Sprint(c.State().Pid), "cat",
		"/proc/sys/net/ipv4/ip_default_ttl")
	if real != "77" {
		t.Errorf("the sysctl is %s", real)
	}
	if after := read(t, "/proc/sys/net/ipv4/ip_forward") + read(t, "/proc/sys/kernel/panic"); after != before {
		t.Errorf("the host's sysctls: %s, before %s", after, before)
	}
}

// The image's /dev/null is not what files are masked with (CVE-2025-31133).
func TestMaskingWithAFakeNull(t *testing.T) {
	t.Parallel()
	pattern := read(t, "/proc/sys/kernel/core_pattern")
	for _, target := range []string{"/proc/sys/kernel/core_pattern", "/etc/passwd", "zero"} {
		c := bundle.New(t,
			bundle.Shell("cat /etc/group /proc/kcore | wc -c; (echo x >/etc/group) 2>/dev/null; cat "+
				"/proc/sys/kernel/core_pattern"), func(s *specs.Spec) {
				s.Mounts = s.Mounts[:1] // the image's own /dev
				s.Linux.MaskedPaths = []string{"/etc/group", "/proc/kcore"}
			})
		link(t, c, target, "dev/null")
		r := c.Run()
		if r.Code == 0 && !strings.HasPrefix(r.Stdout, "0\n") {
			t.Errorf("/dev/null → %s: masked files have content: %q", target, r.Stdout)
		} else if r.Code != 0 && !strings.Contains(r.Stderr, "/dev/null") {
			t.Errorf("/dev/null → %s: %s", target, r.Stderr)
		}
		if got := read(t, c.Path("etc/group")); !strings.Contains(got, "root:") {
			t.Errorf("the image's file was written: %q", got)
		}
	}
	if after := read(t, "/proc/sys/kernel/core_pattern"); after != pattern {
		t.Errorf("core_pattern: %q, before %q", after, pattern)
		write(t, "/proc/sys/kernel/core_pattern", pattern)
	}
}

// The console comes from the container's own devpts (CVE-2025-52565).
func TestFakePtmx(t *testing.T) {
	t.Parallel()
	k := newCanary(t)
	for _, test := range []struct{ path, target string }{
		{"dev/pts/ptmx", k.dir + "/ptmx"}, {"dev/pts/ptmx", "/dev/ptmx"}, {"dev/pts", k.dir}, {"dev/pts/ptmx",
			"/proc/self/root/dev/ptmx"},
	} {
		c := bundle.New(t, terminal, func(s *specs.Spec) { s.Mounts = s.Mounts[:1] })
		link(t, c, test.target, test.path)
		r := listen(t, c.Dir)
		c.Create("--console-socket", r.path).Fails("terminal")
		c.LeavesNothing()
	}
	bound := bundle.New(t, terminal, bundle.Mount(specs.Mount{Destination: "/dev/console",
		Source: filepath.Join(k.dir, "console"), Options: []string{"bind"}}))
	r := listen(t, bound.Dir)
	bound.Create("--console-socket", r.path)
	k.lives(t)
}

// No descriptor of rung's is a way out (CVE-2024-21626).
func TestWorkingDirectoryThroughADescriptor(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	escaped := filepath.Join(bundle.Scratch()) // to be seen by who is outside
	for n := 3; n <= 30; n++ {
		for _, cwd := range []string{fmt.Sprintf("/proc/self/fd/%d", n), fmt.Sprintf("/proc/1/fd/%d/.", n)} {
			c.Configure(bundle.Shell("[ -e "+escaped+
				" ] && echo escaped; [ -e ./etc/machine-id ] && echo escaped; [ -e ../../../etc/machine-id ] && echo "+
				"escaped; exit 0"),
				func(s *specs.Spec) { s.Process.Cwd = cwd })
			r := c.Run()
			if r.Code != 1 && r.Code != 0 || strings.Contains(r.Stdout, "escaped") {
				t.Errorf("cwd %s: exit status %d, %q, %s", cwd, r.Code, r.Stdout, r.Stderr)
			}
		}
		c.Configure(bundle.Args(fmt.Sprintf("/proc/self/fd/%d/../../../../bin/true", n)))
		c.Run().Exits(1)
	}
}

// The first process of a created container gives others in its namespaces
// nothing to write on or to trace (CVE-2019-5736, CVE-2016-9962).
func TestInitCannotBeOverwritten(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, capabilities("CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_SYS_CHROOT", "CAP_SETUID", "CAP_SETGID"),
		bundle.Shell(`echo ready
		until [ -e /tmp/go ]; do sleep 0.01; done
		for p in /proc/[0-9]*; do
			grep -q rung $p/comm 2>/dev/null || continue
			echo found
			(: >>$p/exe) 2>/dev/null && echo "$p/exe can be written"
			for f in $p/fd/*; do
				readlink $f && echo "$f can be seen"
				(: <$f) 2>/dev/null && echo "$f can be opened"
			done
			(: <$p/mem) 2>/dev/null && echo "$p/mem can be read"
			(: <$p/root/bin/sh) 2>/dev/null && echo "$p/root can be entered"
		done
		echo end; exec sleep 1000`))
	watching := start(t, c)
	created := bundle.New(t, bundle.Namespace(specs.PIDNamespace, fmt.Sprintf("/proc/%d/ns/pid", c.State().Pid)))
	created.Create().OK()
	before := sha256.Sum256([]byte(read(t, created.Runtime.Path)))
	exe := fmt.Sprintf("/proc/%d/exe", created.State().Pid)
	if f, err := os.OpenFile(exe, os.O_WRONLY, 0); err == nil {
		f.Close()
		t.Error("the host's root can open the image for writing")
	}
	if target := host(t, "readlink", exe); strings.HasPrefix(target, created.Runtime.Path) {
		t.Errorf("the first process executes %s", target)
	}
	write(t, c.Path("tmp/go"), "")
	bundle.Eventually(t, "end of the look around", func() bool {
		stdout, _ := watching.Output()
		return strings.HasSuffix(stdout, "end\n")
	})
	if stdout, _ := watching.Output(); stdout != "ready\nfound\nend\n" {
		t.Errorf("from inside: %q", stdout)
	}
	if after := sha256.Sum256([]byte(read(t, created.Runtime.Path))); after != before {
		t.Error("the runtime was overwritten")
	}
	created.Delete("--force").OK()
}

// Where memfds may not be executed the image of the first process is an
// unlinked file in --image-dir.
func TestImageDir(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	c := bundle.New(t)
	c.Do("--image-dir", dir, "create", "--bundle", c.Bundle, c.ID).OK()
	exe := fmt.Sprintf("/proc/%d/exe", c.State().Pid)
	if target := host(t, "readlink", exe); !strings.HasPrefix(target, dir+"/") ||
		!strings.HasSuffix(target, " (deleted)") {
		t.Errorf("the first process executes %s", target)
	}
	if f, err := os.OpenFile(exe, os.O_WRONLY, 0); err == nil {
		f.Close()
		t.Error("the image can be opened for writing")
	}
	c.Start().OK()
	c.WaitStatus(specs.StateStopped)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left in the image directory: %v, %v", left, err)
	}
	c.Delete().OK() // until it is reaped the process is in the cgroup that the next one wants
	c.Do("--image-dir", "/nowhere", "create", "--bundle", c.Bundle, c.ID+"x").Fails("/nowhere")
}

// An image whose directories turn into symlinks to the host and back, while
// containers are created on it (CVE-2021-30465, CVE-2024-45310).
func TestRacingSymlinks(t *testing.T) {
	t.Parallel()
	k := newCanary(t)
	c := bundle.New(t)
	c.Configure(func(s *specs.Spec) {
		s.Mounts = append(s.Mounts,
			specs.Mount{Destination: "/race/a", Type: "tmpfs", Source: "evil"},
			specs.Mount{Destination: "/race/b/made", Source: "/etc", Options: []string{"bind"}},
			specs.Mount{Destination: "/race/file", Source: "/etc/hostname", Options: []string{"bind"}})
		s.Linux.Devices = []specs.LinuxDevice{{Path: "/race/device", Type: "p"}}
		s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/race/sub")
		s.Linux.ReadonlyPaths = append(s.Linux.ReadonlyPaths, "/race/pts")
		s.Process.Cwd = "/race/cwd"
	})
	if err := os.MkdirAll(c.Path("race"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(k.dir, c.Path("evil")); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var racer sync.WaitGroup
	racer.Add(1)
	go func() {
		defer racer.Done()
		for {
			select {
			case <-stop:
				return
			default:
				unix.Renameat2(unix.AT_FDCWD, c.Path("race"), unix.AT_FDCWD, c.Path("evil"), unix.RENAME_EXCHANGE)
			}
		}
	}()
	succeeded := 0
	for range 200 {
		r := c.Run()
		switch r.Code {
		case 0:
			succeeded++
		case 1:
		default:
			t.Errorf("exit status %d: %s", r.Code, r.Stderr)
		}
	}
	close(stop)
	racer.Wait()
	t.Logf("%d of 200 containers ran", succeeded)
	k.lives(t)
	c.LeavesNothing()
}

// Strings of any length arrive as they are (CVE-2021-43784).
func TestLongStrings(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 70<<10)
	c := bundle.New(t, bundle.Shell("echo ${#LONG}"), bundle.Env("LONG="+long), func(s *specs.Spec) {
		s.Annotations = map[string]string{"long": long}
	})
	c.Run().OK().Prints(fmt.Sprint(len(long)))
	for _, change := range []bundle.Change{
		func(s *specs.Spec) { s.Hostname = long },
		func(s *specs.Spec) { s.Process.Cwd = "/" + long },
		bundle.Mount(specs.Mount{Destination: "/" + long, Type: "tmpfs", Source: "tmpfs"}),
		bundle.Mount(specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs",
			Options: []string{"size=" + long}}),
		func(s *specs.Spec) { s.Linux.CgroupsPath += "/" + long },
	} {
		c := bundle.New(t, change)
		c.Create().Exits(1)
		c.LeavesNothing()
	}
}

// Only what the config names is inherited: nothing inheritable, nothing ambient
// (CVE-2022-29162).
func TestNoInheritableCapabilities(t *testing.T) {
	t.Parallel()
	got := printed(t, "grep -E '^Cap(Inh|Amb)' /proc/self/status | cut -f2")
	if got != "0000000000000000\n0000000000000000" {
		t.Errorf("got %q", got)
	}
}
