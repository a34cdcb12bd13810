package userprocess

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/hostile"
)

func TestHome(t *testing.T) {
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
	for uid, want := range map[uint32]string{0: "/root", 1000: "/home/other", 1001: "/home/number", 5: "/", 7: "/",
		4711: "/", 1<<32 - 1: "/"} {
		if got := Home(root, uid); got != want {
			t.Errorf("user %d: %s, want %s", uid, got, want)
		}
	}
}

func writePasswd(t *testing.T, text string) (dir string) {
	t.Helper()
	dir = makeTree(t, "etc")
	if err := os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestHomeEvilImages makes sure that an image can neither lead the look at
// its passwd out of its root, nor keep it waiting.
func TestHomeEvilImages(t *testing.T) {
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
		dir := makeTree(t, "etc")
		if err := make(dir); err != nil {
			t.Fatal(err)
		}
		if got := Home(openRoot(t, dir), 4711); got != "/" {
			t.Errorf("%s: %s", name, got)
		}
	}
	dir := makeTree(t, "etc", "usr/lib")
	if err := os.Symlink("/usr/lib/passwd", dir+"/etc/passwd"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/usr/lib/passwd", []byte(line), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := Home(openRoot(t, dir), 4711); got != "/evil" {
		t.Errorf("a link within the root: %s", got)
	}
}

// TestHomeOpensNothingElse has the passwd change places with a FIFO, whose opening its
// owner would see: a device's may do anything.
func TestHomeOpensNothingElse(t *testing.T) {
	dir := writePasswd(t, "user:x:7:7::/home/user:\n")
	root := openRoot(t, dir)
	if err := unix.Mkfifo(dir+"/fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	opened := hostile.Opened(t, dir+"/fifo")
	hostile.Race(t, hostile.Exchange(dir+"/etc/passwd", dir+"/fifo"), func() {
		if got := Home(root, 7); got != "/home/user" && got != "/" {
			t.Fatal(got)
		}
	})
	if opened() {
		t.Error("the FIFO was opened")
	}
}

// TestHomeWhileRenaming looks behind a link with ".." while others rename files, for
// which the kernel looks nothing up: openat2(2), EAGAIN.
func TestHomeWhileRenaming(t *testing.T) {
	dir := writePasswd(t, "user:x:7:7::/home/user:\n")
	root := openRoot(t, dir)
	deep := strings.Repeat("../etc/", 20)
	for _, err := range []error{os.Rename(dir+"/etc/passwd", dir+"/etc/real"),
		os.Symlink(deep+"real", dir+"/etc/passwd"), os.Mkdir(dir+"/a", 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	hostile.Race(t, func() {
		os.Rename(dir+"/a", dir+"/b")
		os.Rename(dir+"/b", dir+"/a")
	}, func() {
		if got := Home(root, 7); got != "/home/user" {
			t.Fatal(got)
		}
	})
}

// makeTree makes directories below a new one.
func makeTree(t *testing.T, names ...string) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func openRoot(t *testing.T, dir string) int {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}
