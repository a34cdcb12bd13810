package copyup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tmpfs returns a descriptor of a detached tmpfs with a mount option, or of a
// directory for those who may not mount.
func tmpfs(t *testing.T, key, value string) int {
	t.Helper()
	if os.Geteuid() != 0 {
		return openPath(t, t.TempDir())
	}
	fd, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		t.Fatalf("fsopen: %v", err)
	}
	defer unix.Close(fd)
	if err := unix.FsconfigSetString(fd, key, value); err != nil {
		t.Fatalf("fsconfig: %v", err)
	}
	if err := unix.FsconfigCreate(fd); err != nil {
		t.Fatalf("fsconfig: %v", err)
	}
	mount, err := unix.Fsmount(fd, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("fsmount: %v", err)
	}
	t.Cleanup(func() { unix.Close(mount) })
	return mount
}

func openPath(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// pathOf is a path that leads to what is open.
func pathOf(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) + "/" }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o600))
}

// snapshot describes all files of a tree by their paths.
func snapshot(t *testing.T, root string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		text := fmt.Sprintf("%o %d:%d %d", st.Mode, st.Uid, st.Gid, st.Mtim.Nano())
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %q", b)
		case unix.S_IFLNK:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " -> " + target
		case unix.S_IFCHR, unix.S_IFBLK:
			text += fmt.Sprintf(" %#x", st.Rdev)
		}
		all[strings.Trim(strings.TrimPrefix(path, root), "/")] = text
		return nil
	})
	must(t, err)
	return all
}

func compare(t *testing.T, got, want map[string]string) {
	t.Helper()
	for path, text := range want {
		if got[path] != text {
			t.Errorf("%q is %s, want %s", path, got[path], text)
		}
	}
	for path, text := range got {
		if _, ok := want[path]; !ok {
			t.Errorf("%q must not be there: %s", path, text)
		}
	}
}

func setTimes(t *testing.T, root string) {
	t.Helper()
	n := int64(0)
	must(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		n++
		times := []unix.Timespec{{Sec: n}, {Sec: 1000 + n, Nsec: n}}
		return errors.Join(err, unix.UtimesNanoAt(unix.AT_FDCWD, path, times, unix.AT_SYMLINK_NOFOLLOW))
	}))
}

func TestCopy(t *testing.T) {
	root := t.TempDir() + "/"
	must(t, os.MkdirAll(root+"a/b/c", 0o755))
	must(t, os.Mkdir(root+"empty", 0o700))
	must(t, os.Mkdir(root+"closed", 0o700))
	write(t, root+"closed/file", "in a directory without write permission")
	write(t, root+"a/file", strings.Repeat("0123456789", 100_000))
	write(t, root+"a/b/c/none", "")
	write(t, root+"run", "#!")
	must(t, os.Link(root+"run", root+"a/run"))
	must(t, os.Symlink("/etc", root+"etc"))
	must(t, os.Symlink("loop", root+"loop"))
	must(t, os.Symlink("../..", root+"a/b/up"))
	must(t, os.Symlink("nowhere", root+"dangling"))
	must(t, unix.Mkfifo(root+"fifo", 0o640))
	write(t, root+"odd\n\x1b \xff", "name")
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(socket)
	must(t, unix.Bind(socket, &unix.SockaddrUnix{Name: root + "empty/socket"}))
	if os.Geteuid() == 0 {
		must(t, unix.Mknod(root+"null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
		must(t, unix.Mknod(root+"disk", unix.S_IFBLK|0o660, int(unix.Mkdev(259, 70000))))
		must(t, os.Lchown(root+"etc", 5, 6))
		must(t, os.Lchown(root+"fifo", 7, 8))
		must(t, os.Chown(root+"run", 9, 10))
		must(t, os.Chown(root+"a", 11, 12))
		must(t, os.Chown(root, 13, 14))
	}
	must(t, os.Chmod(root+"run", 0o755|fs.ModeSetuid|fs.ModeSetgid))
	must(t, os.Chmod(root+"a", 0o777|fs.ModeSticky))
	must(t, os.Chmod(root+"closed", 0o500))
	t.Cleanup(func() { os.Chmod(root+"closed", 0o700) })
	must(t, os.Chmod(root, 0o711))
	setTimes(t, root)
	want := snapshot(t, root)
	delete(want, "empty/socket")

	to := tmpfs(t, "mode", "0755")
	must(t, Copy(openPath(t, root), to))
	compare(t, snapshot(t, pathOf(to)), want)
	if os.Geteuid() != 0 {
		must(t, os.Chmod(pathOf(to)+"closed", 0o700)) // so that it can be removed
	}
}

// chain makes a chain of directories, each in the last, with a file at the end.
func chain(t *testing.T, fd, depth int) {
	t.Helper()
	at, err := openDirectory(fd, ".")
	must(t, err)
	for range depth {
		next, err := makeDirectory(at, "d")
		must(t, err)
		unix.Close(at)
		at = next
	}
	defer unix.Close(at)
	must(t, unix.Symlinkat("end", at, "end"))
}

func depthOf(t *testing.T, fd int) (depth int) {
	t.Helper()
	at, err := openDirectory(fd, ".")
	must(t, err)
	for {
		next, err := openDirectory(at, "d")
		if err == unix.ENOENT {
			break
		}
		must(t, err)
		unix.Close(at)
		at = next
		depth++
	}
	defer unix.Close(at)
	target := make([]byte, 8)
	n, err := unix.Readlinkat(at, "end", target)
	must(t, err)
	if string(target[:n]) != "end" {
		t.Errorf("the end is %q", target[:n])
	}
	return depth
}

// TestDeep copies 3000 levels with few descriptors.
func TestDeep(t *testing.T) {
	const depth = 3000
	from, to := tmpfs(t, "size", "64m"), tmpfs(t, "size", "64m")
	chain(t, from, depth)
	open, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	var old unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
	highest := 0
	for _, e := range open {
		n, err := strconv.Atoi(e.Name())
		must(t, err)
		highest = max(highest, n)
	}
	few := unix.Rlimit{Cur: uint64(highest + 2*window + 8), Max: old.Max}
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &few))
	err = Copy(from, to)
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &old))
	must(t, err)
	if got := depthOf(t, to); got != depth {
		t.Errorf("%d levels, want %d", got, depth)
	}
}

// TestUnreadable copies as nobody, who must not get at a file of mode 0.
func TestUnreadable(t *testing.T) {
	root := t.TempDir() + "/"
	to := tmpfs(t, "mode", "0777")
	must(t, os.Mkdir(root+"a", 0o755))
	write(t, root+"a/secret", "")
	must(t, os.Chmod(root+"a/secret", 0))
	from := openPath(t, root)
	if os.Geteuid() == 0 {
		runtime.LockOSThread() // never unlocked: the thread ends with the test
		unix.Setfsuid(65534)
		defer unix.Setfsuid(0)
		if fsuid, _ := unix.SetfsuidRetUid(-1); fsuid != 65534 {
			t.Fatalf("file system user is %d", fsuid)
		}
	}
	err := Copy(from, to)
	if !errors.Is(err, unix.EACCES) || !strings.HasPrefix(err.Error(), `copying up "a/secret": `) {
		t.Errorf("error %v", err)
	}
}

func TestExtendedAttributes(t *testing.T) {
	root := t.TempDir() + "/"
	write(t, root+"file", "")
	must(t, os.Mkdir(root+"dir", 0o755))
	long := strings.Repeat("v", 1000)
	want := map[string]string{"user.short": "value", "user.long": long, "user.none": ""}
	if os.Geteuid() == 0 {
		// struct vfs_cap_data, revision 2: cap_net_raw
		want["security.capability"] = "\x00\x00\x00\x02\x00\x20\x00\x00" + strings.Repeat("\x00", 12)
	}
	must(t, unix.Lsetxattr(root+"dir", "user.short", []byte("dir"), 0))
	for name, value := range want {
		must(t, unix.Lsetxattr(root+"file", name, []byte(value), 0))
	}
	must(t, os.Chmod(root+"file", 0o444))
	to := tmpfs(t, "mode", "0755")
	probe := unix.Setxattr(pathOf(to), "user.probe", nil, 0)
	if probe == unix.EOPNOTSUPP {
		t.Skip("this kernel's tmpfs has no user.* attributes")
	}
	must(t, probe)
	must(t, Copy(openPath(t, root), to))
	check := func(path, name, value string) {
		t.Helper()
		buf := make([]byte, 4096)
		n, err := unix.Lgetxattr(pathOf(to)+path, name, buf)
		if err != nil || string(buf[:n]) != value {
			t.Errorf("%s of %s: %q, %v", name, path, buf[:max(n, 0)], err)
		}
	}
	check("dir", "user.short", "dir")
	for name, value := range want {
		check("file", name, value)
	}
}

// TestMounts checks that the copy stays in one mount.
func TestMounts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	root := t.TempDir() + "/"
	must(t, os.Mkdir(root+"dir", 0o755))
	must(t, os.Mkdir(root+"mount", 0o755))
	write(t, root+"file", "")
	write(t, root+"plain", "")
	runtime.LockOSThread() // never unlocked: the thread and its mounts end with the test
	must(t, unix.Unshare(unix.CLONE_NEWNS))
	must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	must(t, unix.Mount("tmpfs", root+"mount", "tmpfs", 0, "mode=0751"))
	must(t, unix.Mount("/dev/null", root+"file", "", unix.MS_BIND, ""))
	write(t, root+"mount/inside", "")
	write(t, root+"dir/inside", "")
	to := tmpfs(t, "mode", "0755")
	from, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	err = Copy(from, to)
	unix.Close(from)
	must(t, errors.Join(err, unix.Unmount(root+"mount", unix.MNT_DETACH), unix.Unmount(root+"file", unix.MNT_DETACH)))
	got := snapshot(t, pathOf(to))
	for _, path := range []string{"", "dir", "dir/inside", "mount", "plain"} {
		if _, ok := got[path]; !ok {
			t.Errorf("no %q", path)
		}
	}
	if len(got) != 5 {
		t.Errorf("%d files: %v", len(got), got)
	}
	if !strings.HasPrefix(got["mount"], "40751 ") {
		t.Errorf("the mount point is %s", got["mount"])
	}
}

func TestErrors(t *testing.T) {
	root := t.TempDir() + "/"
	write(t, root+"file", "")
	to := tmpfs(t, "mode", "0755")
	write(t, pathOf(to)+"file", "there already")
	err := Copy(openPath(t, root), to)
	if !errors.Is(err, unix.EEXIST) || !strings.HasPrefix(err.Error(), `copying up "file": creating the copy: `) {
		t.Errorf("error %v", err)
	}
	if err := Copy(-1, to); !errors.Is(err, unix.EBADF) || !strings.HasPrefix(err.Error(), `copying up ".": `) {
		t.Errorf("error %v", err)
	}
	if err := Copy(openPath(t, root), -1); !errors.Is(err, unix.EBADF) {
		t.Errorf("error %v", err)
	}
}

func TestPathIsShort(t *testing.T) {
	w := &walk{entry: "end"}
	for range 3000 {
		w.stack = append(w.stack, directory{name: "dir"})
	}
	if p := w.path(); len(p) > unix.PathMax+len("…") || !strings.HasPrefix(p, "…") ||
		!strings.HasSuffix(p, "/dir/end") {
		t.Errorf("%d bytes: %.20s", len(p), p)
	}
}

// descriptors counts the open ones.
func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(open)
}

func TestDescriptorsAreClosed(t *testing.T) {
	root := t.TempDir() + "/"
	must(t, os.MkdirAll(root+"a/b/c", 0o755))
	write(t, root+"a/b/c/file", "")
	from, to := openPath(t, root), tmpfs(t, "mode", "0755")
	before := descriptors(t)
	must(t, Copy(from, to))
	if err := Copy(from, to); !errors.Is(err, unix.EEXIST) {
		t.Errorf("error %v", err)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, before %d", after, before)
	}
}
