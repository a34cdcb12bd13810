package host

import (
	"errors"

	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/birth"
)

// makeTree makes files, directories (with a slash at their end) and symlinks
// (with an arrow) below a new directory.
func makeTree(t *testing.T, links map[string]string, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if name[len(name)-1] == '/' {
			err = os.MkdirAll(p, 0o755)
		} else {
			err = os.WriteFile(p, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range links {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, p); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestDanglingDestinations(t *testing.T) {
	links := map[string]string{
		"var/run":      "/run",
		"relative":     "sub/../missing",
		"parent/up":    "../../../missing/x",
		"chain":        "/chain2",
		"chain2":       "chain3/end",
		"there":        "/dir",
		"loop":         "/loop",
		"loop1":        "loop2",
		"loop2":        "/loop1/x",
		"outside":      "/../../../../etc/missing-in-the-container",
		"magic":        "/proc/self/root/missing",
		"file-below":   "/file/x",
		"dir/absolute": "/missing/deep",
	}
	root := makeTree(t, links, "dir/", "file", "etc/")
	for destination, want := range map[string]string{ // "": the target stays what it is
		"/var/run/lock":        "/run/lock",
		"/var/run":             "/run",
		"/relative":            "/missing",
		"/relative/a/b":        "/missing/a/b",
		"/parent/up":           "/missing/x",
		"/chain":               "/chain3/end",
		"/there":               "",
		"/there/new":           "/dir/new",
		"/dir":                 "",
		"/dir/new":             "",
		"dir/absolute/relname": "/missing/deep/relname",
		"/outside":             "/etc/missing-in-the-container",
		"/magic":               "/proc/self/root/missing",
		"/plain/new":           "",
		"/plain//new/":         "",
		"/loop":                "",
		"/loop1":               "",
		"/file-below":          "/file/x",
	} {
		if want == "" {
			want = path.Clean("/" + destination)
		}
		if got := followed(t, root, specs.Mount{Destination: destination, Type: "tmpfs"}); got != want {
			t.Errorf("%s: %s, want %s", destination, got, want)
		}
	}
}

// followed is the target of a mount after dangling links.
func followed(t *testing.T, root string, m specs.Mount) string {
	t.Helper()
	mounts, err := birth.Mounts(&specs.Spec{Mounts: []specs.Mount{m}}, "/bundle")
	if err != nil {
		t.Fatal(err)
	}
	FollowDangling(root, mounts)
	return mounts[0].Target
}

// TestEvilDanglingDestinations makes sure that an image gets a mount neither
// onto its root, nor a procfs or sysfs to another place than the config says
// (CVE-2023-27561).
func TestEvilDanglingDestinations(t *testing.T) {
	root := makeTree(t, map[string]string{
		"a": "missing/..", "b": "/missing/../../..", "proc": "/missing/proc", "sys": "missing",
		"dev": "/missing/../dev2",
	})
	for _, m := range []specs.Mount{
		{Destination: "/a", Type: "tmpfs"}, {Destination: "/b", Type: "bind", Source: "/src"},
		{Destination: "/proc", Type: "proc"}, {Destination: "/sys", Type: "sysfs"},
	} {
		if to := followed(t, root, m); to != m.Destination {
			t.Errorf("%s on %s is led to %s", m.Type, m.Destination, to)
		}
	}
	if to := followed(t, root, specs.Mount{Destination: "/dev", Type: "tmpfs"}); to != "/dev2" {
		t.Errorf("/dev is led to %q", to)
	}
}

func TestDanglingDestinationsWithoutARoot(t *testing.T) {
	if got := followed(t, filepath.Join(t.TempDir(), "missing"),
		specs.Mount{Destination: "/a", Type: "tmpfs"}); got != "/a" {
		t.Error(got)
	}
}

func TestMountPoint(t *testing.T) {
	for p, want := range map[string]string{"/proc": "/proc", "/proc/self/status": "/proc", "/": "/", "/proce": "/"} {
		got, err := mountPoint(p)
		if err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", p, got, err, want)
		}
	}
}

func TestRootfsPath(t *testing.T) {
	bundle, err := filepath.EvalSymlinks(makeTree(t, map[string]string{"link": "rootfs", "dangling": "missing"},
		"rootfs/", "file"))
	if err != nil {
		t.Fatal(err)
	}
	rootfs := filepath.Join(bundle, "rootfs")
	for p, want := range map[string]string{"rootfs": rootfs, "./rootfs/": rootfs, "link": rootfs, rootfs: rootfs,
		"missing": "", "dangling": "", "file": ""} {
		got, err := Rootfs(bundle, &specs.Spec{Root: &specs.Root{Path: p}})
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v, want %q", p, got, err, want)
		}
	}
}

// TestStreamUse: the user is given what nobody finds by a path, and output of clients.
func TestStreamUse(t *testing.T) {
	dir := t.TempDir()
	file, fifo := filepath.Join(dir, "file"), filepath.Join(dir, "fifo")
	if err := errors.Join(os.WriteFile(file, nil, 0o644), unix.Mkfifo(fifo, 0o644)); err != nil {
		t.Fatal(err)
	}
	var pipe [2]int
	sockets, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err := errors.Join(err, unix.Pipe2(pipe[:], unix.O_CLOEXEC)); err != nil {
		t.Fatal(err)
	}
	open := func(path string, flags int) int {
		fd, err := unix.Open(path, flags|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(path, err)
		}
		return fd
	}
	for _, tt := range []struct {
		name string
		fd   int
		want birth.StreamUse
	}{
		{"end of a pipe to read", pipe[0], birth.StreamGiven},
		{"end of a pipe to write", pipe[1], birth.StreamGiven},
		{"socket", sockets[0], birth.StreamGiven},
		{"FIFO to read", open(fifo, unix.O_RDONLY), birth.StreamKept},
		{"FIFO to write", open(fifo, unix.O_RDWR), birth.StreamGiven},
		{"file to read", open(file, unix.O_RDONLY), birth.StreamKept},
		{"file to write", open(file, unix.O_WRONLY), birth.StreamKept},
		{"directory", open(dir, unix.O_RDONLY), birth.StreamKept},
		{"/dev/null", open("/dev/null", unix.O_RDONLY), birth.StreamNull},
		{"/dev/zero", open("/dev/zero", unix.O_RDWR), birth.StreamKept},
		{"closed", 999, birth.StreamKept},
	} {
		h := &birth.Host{}
		if Streams(h, [3]int{tt.fd, -1, -1}); h.Streams[0] != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, h.Streams[0], tt.want)
		}
		unix.Close(tt.fd)
	}
	unix.Close(sockets[1])
}

// TestLongDanglingDestinations has 38 links in the way of ten mounts, each through 1,500
// directories: it took seconds for each mount.
func TestLongDanglingDestinations(t *testing.T) {
	deep := strings.Repeat("d/", 1500)
	links := map[string]string{"l0": "/" + deep + "l1"}
	for i := range 37 {
		links[deep+fmt.Sprintf("l%d", i+1)] = "/" + deep + fmt.Sprintf("l%d", i+2)
	}
	root := makeTree(t, links)
	began := time.Now()
	for range 10 {
		if to := followed(t, root, specs.Mount{Destination: "/l0", Type: "tmpfs"}); to != "/l0" {
			t.Fatalf("%.20s", to)
		}
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Error(took)
	}
}

// What an earlier mount hides is not led anywhere by the image's links; what it has copies of is.
func TestDanglingDestinationsBelowMounts(t *testing.T) {
	root := makeTree(t, map[string]string{"dev/pts": "/missing", "run/lock": "/missing"})
	mounts, err := birth.Mounts(&specs.Spec{Mounts: []specs.Mount{
		{Destination: "/dev", Type: "tmpfs"}, {Destination: "/dev/pts", Type: "devpts"},
		{Destination: "/run", Type: "tmpfs", Options: []string{"tmpcopyup"}}, {Destination: "/run/lock", Type: "tmpfs"},
	}}, "/bundle")
	if err != nil {
		t.Fatal(err)
	}
	FollowDangling(root, mounts)
	for i, want := range []string{"/dev", "/dev/pts", "/run", "/missing"} {
		if mounts[i].Target != want {
			t.Errorf("%s is led to %s, want %s", mounts[i].Destination, mounts[i].Target, want)
		}
	}
}
