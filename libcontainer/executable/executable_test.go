package executable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestCandidates(t *testing.T) {
	for _, test := range []struct {
		args0, path, cwd string
		want             []string
	}{
		{"ls", "/bin:/usr/bin/", "/", []string{"/bin/ls", "/usr/bin/ls"}},
		{"ls", ":/bin::.:rel", "/srv", []string{"/srv/ls", "/bin/ls", "/srv/ls", "/srv/./ls", "/srv/rel/ls"}},
		{"ls", "/", "/", []string{"/ls"}},
		{"ls", "", "/bin", nil},
		{"", "/bin", "/", nil},
		{"./ls", "/bin", "/srv", []string{"./ls"}},
		{"/ls", "", "/", []string{"/ls"}},
	} {
		if got := Candidates(test.args0, test.path, test.cwd); !slices.Equal(got, test.want) {
			t.Errorf("%q in %q at %q: %q, want %q", test.args0, test.path, test.cwd, got, test.want)
		}
	}
}

func TestFind(t *testing.T) {
	root := tree(t, map[string]string{
		"usr/bin/sh": "x", "bin": "-> usr/bin", "usr/bin/text-x": "x", "usr/bin/dir/": "", "plain-x": "x", "d/": "",
		"home/tool": "x", "loop": "-> loop", "abs": "-> /usr/bin/sh", "up": "-> ../../../../usr/bin/sh",
		"chain": "-> usr/../chain2", "chain2": "-> /abs", "dangling": "-> /nowhere",
		"usr/local/bin/text-x": "y", "usr/bin/python": "-> python3", "usr/bin/python3": "-> /etc/alternatives/python",
		"etc/alternatives/python": "-> /opt/python/bin/python", "opt/python/bin/python": "x",
	})
	if err := unix.Mkfifo(filepath.Join(root, "fifo"), 0o777); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args0, cwd string
		want       string // the path, or the text of the error
		errno      unix.Errno
	}{
		{"sh", "/", "/usr/bin/sh", 0},
		{"python", "/", "/usr/bin/python", 0},
		{"/bin/sh", "/", "/bin/sh", 0},
		{"./tool", "/home", "./tool", 0},
		{"../home/tool", "/home", "../home/tool", 0},
		{"/abs", "/", "/abs", 0},
		{"/up", "/", "/up", 0},
		{"/chain", "/", "/chain", 0},
		{"/../../bin/sh", "/", "/../../bin/sh", 0},
		{"nope", "/", `exec: "nope": executable file not found in $PATH`, unix.ENOENT},
		{"", "/", `exec: "": executable file not found in $PATH`, unix.ENOENT},
		{"tool", "/home", `exec: "tool": executable file not found in $PATH`, unix.ENOENT},
		{"text", "/", `exec: "text": executable file not found in $PATH`, unix.ENOENT},
		{"dir", "/", `exec: "dir": executable file not found in $PATH`, unix.ENOENT},
		{"/nope", "/", `exec: "/nope": stat /nope: no such file or directory`, unix.ENOENT},
		{"./nope", "/home", `exec: "./nope": stat ./nope: no such file or directory`, unix.ENOENT},
		{"/dangling", "/", `exec: "/dangling": stat /dangling: no such file or directory`, unix.ENOENT},
		{"/plain/x", "/", `exec: "/plain/x": stat /plain/x: not a directory`, unix.ENOTDIR},
		{"/bin/sh/", "/", `exec: "/bin/sh/": stat /bin/sh/: not a directory`, unix.ENOTDIR},
		{"/loop", "/", `exec: "/loop": stat /loop: too many levels of symbolic links`, unix.ELOOP},
		{"/plain", "/", `exec: "/plain": permission denied`, unix.EACCES},
		{"/fifo", "/", `exec: "/fifo": permission denied`, unix.EACCES},
		{"/d", "/", `exec: "/d": permission denied: is a directory`, unix.EISDIR},
	}
	for _, test := range tests {
		f := finder(t, root)
		f.Cwd = test.cwd
		got, err := f.Find(test.args0)
		if err != nil {
			got = err.Error()
		}
		if got != test.want || (test.errno != 0) != (err != nil) || err != nil && !errors.Is(err, test.errno) {
			t.Errorf("%q: %q, errno %v; want %q", test.args0, got, errors.Unwrap(err), test.want)
		}
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Hint == "") {
			t.Errorf("%q: no hint in %#v", test.args0, err)
		}
	}
}

func TestHintNamesTheUnusableFile(t *testing.T) {
	f := finder(t, tree(t, map[string]string{"usr/bin/text-x": "x", "bin/": ""}))
	_, err := f.Find("text")
	var e *Error
	if !errors.As(err, &e) || !strings.HasPrefix(e.Hint, "/usr/bin/text: ") {
		t.Errorf("%#v", err)
	}
	f.Path = ""
	_, err = f.Find("text")
	if !errors.As(err, &e) || !strings.Contains(e.Hint, "no PATH") {
		t.Errorf("%#v", err)
	}
}

// A rootfs is written by others: no link may lead out of it.
func TestLinksStayInside(t *testing.T) {
	outside := tree(t, map[string]string{"prog": "x", "only-outside": "x"})
	prog := filepath.Join(outside, "prog")
	up := strings.Repeat("../", 40)
	root := tree(t, map[string]string{
		"abs": "-> " + prog, "rel": "-> " + up + prog, "dir": "-> " + outside, "dotdot": "-> ..",
		"bin": "-> /../../../..", "mix": "-> dotdot/dotdot/" + prog, "proc/self/": "",
	})
	for _, name := range []string{"/abs", "/rel", "/dir/prog", "/mix", up + prog, "/dotdot/dotdot" + prog,
		"/bin" + prog} {
		if got, err := finder(t, root).Find(name); !errors.Is(err, unix.ENOENT) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// With /proc as the root, its magic links lead to the whole machine.
func TestMagicLinks(t *testing.T) {
	f := finder(t, "/proc")
	for _, name := range []string{"/self/exe", "/self/root/bin/sh", "/thread-self/root/bin/sh"} {
		if got, err := f.Find(name); err == nil {
			t.Errorf("%s: found %q", name, got)
		}
	}
}

func TestBehindMount(t *testing.T) {
	root := tree(t, map[string]string{
		"bin": "-> usr/bin", "usr/bin/sh": "x", "usr/bin/vi": "-> /opt/link/vi", "opt/link": "-> /usr/bin",
		"var/run": "-> /run",
		"srv":     "-> /mnt/data", "usr/local/bin/": "", "a": "-> b/c", "b/c": "x",
	})
	tests := []struct {
		args0  string
		mounts []string
		want   error
	}{
		{"/bin/sh", []string{"/proc", "/dev"}, nil},
		{"/bin/sh", []string{"/usr"}, ErrBehindMount},
		{"/bin/sh", []string{"/bin"}, ErrBehindMount}, // follows the link: /usr/bin
		{"/usr/bin/sh", []string{"/bin"}, ErrBehindMount},
		{"/usr/bin/sh", []string{"/usr/bin/sh"}, ErrBehindMount},
		{"/usr/bin/sh", []string{"/usr/bin/sh2", "/usr/b"}, nil},
		{"/bin/missing", []string{"/usr/bin/missing"}, ErrBehindMount},
		{"/bin/missing", []string{"/opt"}, unix.ENOENT},
		{"/opt/link/sh", []string{"/opt"}, ErrBehindMount},
		{"/bin/vi", []string{"/opt"}, ErrBehindMount}, // a link in between
		{"/bin/vi", []string{"/opt/other"}, unix.ELOOP},
		{"/run/x", []string{"/var/run/x"}, ErrBehindMount},
		{"/srv/bin/x", []string{"/mnt/data"}, ErrBehindMount}, // neither is there
		{"/srv/bin/x", []string{"/mnt/other"}, unix.ENOENT},
		{"/a", []string{"/b/"}, ErrBehindMount},
		{"/bin/sh", []string{"/"}, ErrBehindMount},
		{"sh", []string{"/usr/local"}, ErrBehindMount}, // may be there, and would come first
		{"sh", []string{"/usr/lib"}, nil},
		{"sh", []string{"usr/bin/../local"}, ErrBehindMount},
	}
	for _, test := range tests {
		f := finder(t, root)
		f.Mounts = test.mounts
		if _, err := f.Find(test.args0); !errors.Is(err, test.want) {
			t.Errorf("%s with %q: %v, want %v", test.args0, test.mounts, err, test.want)
		}
	}
}

func TestModeBits(t *testing.T) {
	root := tree(t, map[string]string{"prog": "x"})
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(root, "prog"), &st); err != nil {
		t.Fatal(err)
	}
	other := st.Uid + 1
	for _, test := range []struct {
		mode     os.FileMode
		uid      uint32
		gids     []uint32
		override bool
		want     bool
	}{
		{0o711, other, nil, false, true}, {0o700, st.Uid, nil, false, true}, {0o700, other, nil, false, false},
		{0o710, other, []uint32{st.Gid + 1, st.Gid}, false, true}, {0o701, other, []uint32{st.Gid}, false, false},
		{0o701, other, []uint32{st.Gid + 1}, false, true}, {0o611, st.Uid, nil, false, false},
		{0o001, st.Uid, nil, true, true}, {0o666, st.Uid, nil, true, false}, {0o100, other, nil, true, true},
	} {
		if err := os.Chmod(filepath.Join(root, "prog"), test.mode); err != nil {
			t.Fatal(err)
		}
		f := finder(t, root)
		f.UID, f.GIDs, f.Override = test.uid, test.gids, test.override
		_, err := f.Find("/prog")
		if (err == nil) != test.want || err != nil && !errors.Is(err, unix.EACCES) {
			t.Errorf("%v as %d %v, override %v: %v", test.mode, test.uid, test.gids, test.override, err)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add("/bin/sh", "/usr", "../x")
	f.Add("sh", "/", "/")
	f.Fuzz(func(t *testing.T, args0, mount, target string) {
		root := t.TempDir()
		if strings.ContainsRune(target, 0) || target == "" || os.Symlink(target, filepath.Join(root, "bin")) != nil {
			t.Skip("no link with such a target can be made")
		}
		find := finder(t, root)
		find.Mounts = []string{mount}
		// There is nothing executable in the root, so nothing may be found.
		if got, err := find.Find(args0); err == nil {
			t.Errorf("found %q", got)
		}
	})
}

func BenchmarkFindAndInspect(b *testing.B) {
	f := finder(b, tree(b,
		map[string]string{"usr/bin/sh": program(nativeMachine(b), unix.ET_EXEC, ""), "bin": "-> usr/bin",
			"proc/": "", "dev/": "", "sys/": "", "run/": ""}))
	f.Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	f.Mounts = []string{"/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"}
	b.ReportAllocs()
	for b.Loop() {
		f.resolved, f.mounts = false, nil
		name, err := f.Find("sh")
		if err == nil {
			err = f.Inspect(name)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// TestLongPaths looks for a program on a long PATH whose directories are links with
// many components, with many mounts, of which one is behind such links.
func TestLongPaths(t *testing.T) {
	files := map[string]string{"bin/sh": "x"}
	for i := range 38 {
		files[fmt.Sprintf("l%d", i)] = "-> " + strings.Repeat("./", 2000) + fmt.Sprintf("l%d", i+1)
	}
	f := finder(t, tree(t, files))
	f.Path = strings.Repeat("/l0:", 20) + "/bin"
	for i := range 10_000 {
		f.Mounts = append(f.Mounts, fmt.Sprintf("/m%d", i))
	}
	began := time.Now()
	if got, err := f.Find("sh"); !errors.Is(err, ErrBehindMount) {
		t.Errorf("%s, %v", got, err)
	}
	f.Path = "/bin"
	if got, err := f.Find("sh"); got != "/bin/sh" {
		t.Errorf("%s, %v", got, err)
	}
	f.resolved, f.Mounts = false, append(f.Mounts, "/l0/x")
	if got, err := f.Find("sh"); !errors.Is(err, ErrBehindMount) {
		t.Errorf("with a mount somewhere: %s, %v", got, err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Error(took)
	}
}
