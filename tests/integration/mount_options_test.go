package integration

import (
	"fmt"
	"path/filepath"
	"slices"
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
	split := func(list string) []string { return strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) }
	dir := newDir(t)
	for _, test := range tests {
		t.Run(test.options, func(t *testing.T) {
			t.Parallel()
			options := split(test.options)
			changes := []bundle.Change{bundle.Shell("cat /proc/self/mountinfo"),
				bundle.Mount(specs.Mount{Destination: "/mnt/tmpfs", Type: "tmpfs", Source: "source", Options: options}),
			}
			bind := test.super == ""
			if bind {
				changes = append(changes, bundle.Mount(specs.Mount{Destination: "/mnt/bind", Source: dir,
					Options: append([]string{"bind"}, options...)}))
			}
			mountinfo := bundle.New(t, changes...).Run().OK().Stdout
			m := findMount(t, mountinfo, "/mnt/tmpfs")
			if m.fstype != "tmpfs" || m.source != "source" {
				t.Errorf("mounted is %+v", m)
			}
			if !has(m.options, split(test.want)...) || !has(m.super, split(test.super)...) {
				t.Errorf("tmpfs: %s, superblock %s, want %s, %s", m.options, m.super, test.want, test.super)
			}
			if bind {
				if m := findMount(t, mountinfo, "/mnt/bind"); !has(m.options, split(test.want)...) {
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

// Options of crun, which podman sends: a symlink is mounted, or covered, and not followed.
func TestMountsOfSymlinks(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	write(t, dir+"/file", "file")
	host(t, "mkdir", "-p", dir+"/folder/in")
	host(t, "ln", "-s", "file", dir+"/link")
	for _, test := range []struct{ source, destination, options, script, want string }{
		{"link", "/mnt/to", "copy-symlink", "readlink /mnt/to; cat /mnt/to", "file\nimage"},
		{"file", "/mnt/link", "copy-symlink", "cat /mnt/link /mnt/file", "fileimage"},
		{"folder", "/mnt/dirlink", "copy-symlink", "ls /mnt/dir", "in"},
		{"link", "/mnt/to", "src-nofollow", "readlink /mnt/to", "file"},
		{"link", "/mnt/link", "src-nofollow", "readlink /mnt/file", "file"},
		{"link", "/mnt/link", "src-nofollow,dest-nofollow", "readlink /mnt/link; cat /mnt/file", "file\nimage"},
		{"file", "/mnt/link", "dest-nofollow", "cat /mnt/link /mnt/file", "fileimage"},
		{"file", "/mnt/dangling", "dest-nofollow", "cat /mnt/dangling; test -e /mnt/gone || echo", "file"},
		{"file", "/mnt/link", "bind", "cat /mnt/file", "file"},
	} {
		mount := specs.Mount{Destination: test.destination, Source: filepath.Join(dir, test.source),
			Options: append(strings.Split(test.options, ","), "bind")}
		for _, users := range []bundle.Change{func(*specs.Spec) {}, userNamespace(100000)} {
			c := bundle.New(t, bundle.Shell(test.script+"; true"), users, bundle.Mount(mount))
			write(t, c.Path("mnt/file"), "image")
			write(t, c.Path("mnt/to"), "")
			host(t, "mkdir", c.Path("mnt/dir"))
			for to, link := range map[string]string{"file": "link", "dir": "dirlink", "gone": "dangling"} {
				host(t, "ln", "-s", to, c.Path("mnt/"+link))
			}
			if got := strings.TrimSpace(c.Run().OK().Stdout); got != test.want {
				t.Errorf("%s on %s, %s: %q, want %q", test.source, test.destination, test.options, got, test.want)
			}
		}
	}
	for option, m := range map[string]specs.Mount{
		"not a directory": {Source: dir + "/folder", Options: []string{"bind", "dest-nofollow"}},
		"bind mounts":     {Type: "tmpfs", Options: []string{"dest-nofollow"}},
	} {
		m.Destination = "/mnt/dirlink"
		c := bundle.New(t, bundle.Mount(m))
		host(t, "ln", "-s", "dir", c.Path("mnt/dirlink"))
		c.Create().Fails(option)
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

// What the host mounts below the rootfs of a container that runs appears there only if asked for.
func TestMountsBelowTheRootfs(t *testing.T) {
	t.Parallel()
	for value, appears := range map[string]bool{"": false, "private": false, "slave": true, "rslave": true} {
		c := bundle.New(t, bundle.Args("sleep", "1000"), func(s *specs.Spec) { s.Linux.RootfsPropagation = value })
		rootfs := filepath.Join(c.Bundle, "rootfs")
		mounted(t, rootfs, "--bind", rootfs)
		host(t, "mount", "--make-shared", rootfs)
		below := filepath.Join(rootfs, "below")
		mounted(t, below, "-t", "tmpfs", "none")
		c.Create().OK()
		c.Start().OK()
		mounted(t, filepath.Join(rootfs, "home"), "-t", "tmpfs", "none")
		mounted(t, below+"/late", "-t", "tmpfs", "none")
		mountinfo := read(t, fmt.Sprintf("/proc/%d/mountinfo", c.State().Pid))
		for _, at := range []string{" /home ", " /below/late "} {
			if got := strings.Contains(mountinfo, at); got != appears {
				t.Errorf("%q:%sappears: %v, want %v", value, at, got, appears)
			}
		}
		c.Delete("--force").OK()
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
