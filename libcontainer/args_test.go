package libcontainer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel/hostile"
)

func TestHomeOf(t *testing.T) {
	const passwd = `root:x:0:0:root:/root:/bin/sh
# a comment
broken:x:7
other:x:1000:1000::/home/other:/bin/sh
again:x:1000:1000::/home/again:/bin/sh
1000:x:1001:1001:1000:/home/number
empty:x:5:5:::/bin/sh
zero:x:00:0::/home/zero:
`
	root := openRoot(t, writePasswd(t, passwd))
	for uid, want := range map[uint32]string{0: "/root", 1000: "/home/other", 1001: "/home/number", 5: "/", 7: "/", 4711: "/", 1<<32 - 1: "/"} {
		if got := homeOf(root, uid); got != want {
			t.Errorf("user %d: %s, want %s", uid, got, want)
		}
	}
}

func writePasswd(t *testing.T, text string) (dir string) {
	t.Helper()
	dir = makeTree(t, nil, "etc/")
	if err := os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestHomeOfEvilImages makes sure that an image can neither lead the look at
// its passwd out of its root, nor keep it waiting.
func TestHomeOfEvilImages(t *testing.T) {
	const line = "evil:x:4711:4711::/evil:\n"
	outside := writePasswd(t, line)
	for name, make := range map[string]func(dir string) error{
		"no file":            func(string) error { return nil },
		"a link to the host": func(dir string) error { return os.Symlink(outside+"/etc/passwd", dir+"/etc/passwd") },
		"a link upwards": func(dir string) error {
			return os.Symlink(strings.Repeat("../", 20)+outside+"/etc/passwd", dir+"/etc/passwd")
		},
		"a loop":      func(dir string) error { return os.Symlink("passwd", dir+"/etc/passwd") },
		"a pipe":      func(dir string) error { return unix.Mkfifo(dir+"/etc/passwd", 0o644) },
		"a directory": func(dir string) error { return os.Mkdir(dir+"/etc/passwd", 0o755) },
		"behind a large file": func(dir string) error {
			return os.WriteFile(dir+"/etc/passwd", []byte(strings.Repeat("x\n", 1<<20)+line), 0o644)
		},
		"behind a large line": func(dir string) error {
			return os.WriteFile(dir+"/etc/passwd", []byte(strings.Repeat("x", 2<<20)+"\n"+line), 0o644)
		},
		"another user's lines": func(dir string) error {
			return os.WriteFile(dir+"/etc/passwd", []byte("a:4711:1:4711:4711:/a:\n"), 0o644)
		},
	} {
		dir := makeTree(t, nil, "etc/")
		if err := make(dir); err != nil {
			t.Fatal(err)
		}
		if got := homeOf(openRoot(t, dir), 4711); got != "/" {
			t.Errorf("%s: %s", name, got)
		}
	}
	dir := makeTree(t, map[string]string{"etc/passwd": "/usr/lib/passwd"}, "usr/lib/")
	if err := os.WriteFile(dir+"/usr/lib/passwd", []byte(line), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := homeOf(openRoot(t, dir), 4711); got != "/evil" {
		t.Errorf("a link within the root: %s", got)
	}
}

// TestHomeOfOpensNothingElse has the passwd change places with a FIFO, whose opening its
// owner would see: a device's may do anything.
func TestHomeOfOpensNothingElse(t *testing.T) {
	dir := writePasswd(t, "user:x:7:7::/home/user:\n")
	root := openRoot(t, dir)
	if err := unix.Mkfifo(dir+"/fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	opened := hostile.Opened(t, dir+"/fifo")
	hostile.Race(t, hostile.Exchange(dir+"/etc/passwd", dir+"/fifo"), func() {
		if got := homeOf(root, 7); got != "/home/user" && got != "/" {
			t.Fatal(got)
		}
	})
	if opened() {
		t.Error("the FIFO was opened")
	}
}

// TestHomeOfWhileRenaming looks behind a link with ".." while others rename files, for
// which the kernel looks nothing up: openat2(2), EAGAIN.
func TestHomeOfWhileRenaming(t *testing.T) {
	dir := writePasswd(t, "user:x:7:7::/home/user:\n")
	root := openRoot(t, dir)
	deep := strings.Repeat("../etc/", 20)
	for _, err := range []error{os.Rename(dir+"/etc/passwd", dir+"/etc/real"), os.Symlink(deep+"real", dir+"/etc/passwd"), os.Mkdir(dir+"/a", 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	hostile.Race(t, func() {
		os.Rename(dir+"/a", dir+"/b")
		os.Rename(dir+"/b", dir+"/a")
	}, func() {
		if got := homeOf(root, 7); got != "/home/user" {
			t.Fatal(got)
		}
	})
}

func TestEnvironment(t *testing.T) {
	env := []string{"PATH=/a", "HOMER=x", "PATH=/b", "EMPTY=", "=odd", "odd"}
	for key, want := range map[string]string{"PATH": "/b", "HOME": "", "EMPTY": "", "odd": ""} {
		if got := getenv(env, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

// TestLastOfEach is about names that occur twice, as in a Kubernetes pod whose
// manifest overrides a variable of its image.
func TestLastOfEach(t *testing.T) {
	for _, c := range []struct{ env, want []string }{
		{nil, nil},
		{[]string{"A=1", "B=2"}, []string{"A=1", "B=2"}},
		{[]string{"A=1", "B=2", "A=3", "C=4", "A="}, []string{"A=", "B=2", "C=4"}},
		{[]string{"A=1=2", "AB=1", "A=x=y"}, []string{"A=x=y", "AB=1"}},
	} {
		given := slices.Clone(c.env)
		if got := lastOfEach(c.env); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.env, got, c.want)
		}
		if !slices.Equal(c.env, given) {
			t.Errorf("%q: the config was changed to %q", given, c.env)
		}
	}
}
