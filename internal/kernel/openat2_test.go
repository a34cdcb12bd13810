package kernel

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/hostile"
)

// a tree that its owner means badly: outside/secret is what must not be reached.
func hostileRoot(t *testing.T) (root int, dir string) {
	t.Helper()
	base := t.TempDir()
	dir = filepath.Join(base, "root")
	for _, d := range []string{base + "/outside", dir + "/etc", dir + "/deep/er"} {
		must(t, os.MkdirAll(d, 0o755))
	}
	must(t, os.WriteFile(base+"/outside/secret", []byte("outside"), 0o644))
	must(t, os.WriteFile(base+"/secret", []byte("outside"), 0o644))
	must(t, os.WriteFile(dir+"/secret", []byte("inside"), 0o644))
	must(t, unix.Mkfifo(dir+"/fifo", 0o644))
	for name, target := range map[string]string{
		"up": "../../../secret", "absolute": "/secret", "host": base + "/outside/secret", "tofifo": "fifo",
		"magic": "/proc/self/root", "loop": "loop",
	} {
		must(t, os.Symlink(target, dir+"/etc/"+name))
	}
	must(t, os.Symlink("../fifo", dir+"/etc/tofifo2"))
	return openPath(t, dir), dir
}

func TestOpenRegularStaysInside(t *testing.T) {
	root, _ := hostileRoot(t)
	for path, want := range map[string]error{
		"secret": nil, "/secret": nil, "//secret": nil, "../../secret": nil, "etc/up": nil, "/etc/absolute": nil,
		"deep/er/../../../../secret": nil,
		"etc/host":                   unix.ENOENT, "etc/loop": unix.ELOOP, "missing": unix.ENOENT,
	} {
		fd, err := OpenRegular(root, path)
		if err != want {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
		if err != nil {
			continue
		}
		if got, err := io.ReadAll(Reader(fd)); string(got) != "inside" || err != nil {
			t.Errorf("%s: %q, %v", path, got, err)
		}
		unix.Close(fd)
	}
}

// TestNoMagicLinks has the root be /proc itself, where links lead anywhere.
func TestNoMagicLinks(t *testing.T) {
	proc := openPath(t, "/proc")
	for _, path := range []string{"self/root", "self/cwd/x", "self/exe"} {
		if fd, err := OpenInRoot(proc, path, unix.O_PATH, 0); err != unix.ELOOP {
			unix.Close(fd)
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestOpenRegularOnly finds other kinds of files, and does not open them: not
// even for the moment in which it looks, as inotify(7) would tell.
func TestOpenRegularOnly(t *testing.T) {
	root, dir := hostileRoot(t)
	device := unix.Mknod(dir+"/device", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3)))
	kinds := map[string]uint32{"": unix.S_IFDIR, "etc": unix.S_IFDIR, "fifo": unix.S_IFIFO, "etc/tofifo2": unix.S_IFIFO}
	if device == nil {
		kinds["device"] = unix.S_IFCHR
	}
	opened := hostile.Opened(t, dir+"/fifo")
	for path, kind := range kinds {
		fd, err := OpenRegular(root, path)
		var other *NotRegularError
		if !errors.As(err, &other) || other.Kind != kind {
			unix.Close(fd)
			t.Errorf("%s: %v", path, err)
		}
	}
	if opened() {
		t.Error("the FIFO was opened")
	}
}

// TestOpenRegularRace has a regular file and a FIFO change places all the time.
func TestOpenRegularRace(t *testing.T) {
	root, dir := hostileRoot(t)
	opened := hostile.Opened(t, dir+"/fifo")
	hostile.Race(t, hostile.Exchange(dir+"/fifo", dir+"/secret"), func() {
		fd, err := OpenRegular(root, "etc/up")
		var other *NotRegularError
		if errors.As(err, &other) && other.Kind == unix.S_IFIFO {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if got, err := io.ReadAll(Reader(fd)); string(got) != "inside" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	})
	if opened() {
		t.Error("the FIFO was opened")
	}
}

// TestOpenInRootRetries goes through ".." while something else is renamed: the kernel
// gives up with EAGAIN, which is no answer to whether there is a file.
func TestOpenInRootRetries(t *testing.T) {
	root, dir := hostileRoot(t)
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT}
	const path = "deep/../deep/../deep/../deep/er/../../deep/../secret"
	refused := 0
	hostile.Race(t, func() {
		unix.Rename(dir+"/deep/er", dir+"/etc/er")
		unix.Rename(dir+"/etc/er", dir+"/deep/er")
	}, func() {
		if fd, err := unix.Openat2(root, path, &how); err == unix.EAGAIN {
			refused++
		} else if err == nil {
			unix.Close(fd)
		}
		fd, err := OpenInRoot(root, path, unix.O_PATH, 0)
		if err != nil && err != unix.ENOENT { // which it is while er has moved
			t.Fatal(err)
		}
		unix.Close(fd)
	})
	if refused == 0 {
		t.Skip("the kernel never gave up")
	}
}

func openPath(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
