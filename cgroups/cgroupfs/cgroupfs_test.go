package cgroupfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// directory makes directories, and files where a path is given a text, and opens it.
func directory(t *testing.T, files map[string]string) (fd int, path string) {
	t.Helper()
	path = t.TempDir()
	for name, text := range files {
		name = filepath.Join(path, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd, path
}

func TestRead(t *testing.T) {
	long := strings.Repeat("0123456789", 1000)
	dir, _ := directory(t, map[string]string{"long": long, "value": " max\n", "empty": ""})
	for _, hint := range []int{0, 1, 128, len(long), 2 * len(long)} {
		if got, err := Read(dir, "long", hint); err != nil || string(got) != long {
			t.Errorf("hint %d: %d bytes, %v", hint, len(got), err)
		}
	}
	for name, want := range map[string]string{"value": "max", "empty": ""} {
		if got, err := ReadValue(dir, name); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := Read(dir, "absent", 1); err != unix.ENOENT {
		t.Errorf("absent: %v", err)
	}
}

// A Writer goes on with the file that it has, and with no other.
func TestWriter(t *testing.T) {
	one, onePath := directory(t, map[string]string{"a": "", "b": ""})
	two, twoPath := directory(t, map[string]string{"a": ""})
	var w Writer
	for _, f := range []struct {
		dir         int
		name, value string
	}{{one, "a", "1"}, {one, "a", "2"}, {one, "b", "3"}, {two, "a", "4"}, {two, "a", "5"}} {
		if err := w.Write(f.dir, f.name, f.value); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	w.Close()
	for name, want := range map[string]string{onePath + "/a": "12", onePath + "/b": "3", twoPath + "/a": "45"} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	if err := os.Symlink("a", onePath+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := Write(one, "link", "x"); err != unix.ELOOP {
		t.Errorf("a symbolic link: %v", err)
	}
}

// More children than a buffer of getdents has room for are all found, and nothing else.
func TestChildren(t *testing.T) {
	dir, path := directory(t, map[string]string{"file": ""})
	var want []string
	for i := range 300 {
		name := fmt.Sprintf("child-with-a-name-that-is-long-%03d", i)
		if err := os.Mkdir(filepath.Join(path, name), 0o755); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
	}
	if err := os.Symlink(want[0], filepath.Join(path, "link")); err != nil {
		t.Fatal(err)
	}
	got, err := Children(dir)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d children, %v", len(got), err)
	}
	if _, err := OpenChild(dir, "link"); err == nil {
		t.Error("a symbolic link was opened as a child")
	}
	if _, err := OpenChild(dir, ".."); err != unix.EXDEV {
		t.Errorf("opening the parent: %v", err)
	}
}

func TestRemoveChildren(t *testing.T) {
	dir, path := directory(t, map[string]string{"busy/file": "", "a/b/c/" + Procs: ""})
	if err := os.Remove(filepath.Join(path, "a/b/c", Procs)); err != nil {
		t.Fatal(err)
	}
	if err := RemoveChildren(dir); !errors.Is(err, unix.ENOTEMPTY) || !strings.Contains(err.Error(), "busy") {
		t.Errorf("got %v, want one that names what is left", err)
	}
	if names, err := Children(dir); err != nil || !slices.Equal(names, []string{"busy"}) {
		t.Errorf("left: %q, %v", names, err)
	}
}

// Processes of outer pid namespaces have the number 0, which to kill(2) is the caller's
// process group.
func TestAppendTreePids(t *testing.T) {
	dir, _ := directory(t, map[string]string{
		Procs: "1\n0\n20\n", "a/" + Procs: "3\n", "a/b/" + Procs: "0\n4\n", "gone/file": "",
	})
	pids, err := AppendTreePids([]int{7}, dir)
	slices.Sort(pids)
	if want := []int{1, 3, 4, 7, 20}; err != nil || !slices.Equal(pids, want) {
		t.Errorf("got %v, %v, want %v", pids, err, want)
	}
	bad, _ := directory(t, map[string]string{Procs: "1\nx\n"})
	if _, err := AppendPids(nil, bad); err == nil {
		t.Error("what is no number was read as one")
	}
}

// Nothing is written below a directory that is no cgroup.
func TestOpenDirRefusesOthers(t *testing.T) {
	if fd, err := OpenDir(t.TempDir()); err != errNotCgroup {
		t.Errorf("got %d, %v", fd, err)
	}
}
