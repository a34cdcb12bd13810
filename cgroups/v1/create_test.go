package v1

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

func TestCreateAndRemove(t *testing.T) {
	m := container(t)
	for _, g := range m.groups {
		if _, err := os.Stat(filepath.Join(g.Path, cgroupfs.Procs)); err != nil {
			t.Error(err)
		}
	}
	if err := m.make(); err != nil {
		t.Errorf("creating what exists: %v", err)
	}
	for _, child := range []string{"a", "a/b", "a/b/c", "d"} {
		if err := os.Mkdir(filepath.Join(m.groups[0].Path, child), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	again := Restore(m.Record())
	if !again.Exists() {
		t.Error("it does not exist")
	}
	if err := again.Remove(); err != nil {
		t.Fatal(err)
	}
	if again.Exists() {
		t.Error("it exists after Remove")
	}
	if err := again.Remove(); err != nil {
		t.Errorf("removing what is gone: %v", err)
	}
	if pids, err := again.Processes(); len(pids) > 0 || err != nil {
		t.Errorf("processes of what is gone: %v, %v", pids, err)
	}
}

// When one hierarchy refuses, nothing is left in the others, and what was there
// stays.
func TestCreateTakesBack(t *testing.T) {
	m := container(t)
	last := m.groups[len(m.groups)-1].Path
	failing, err := New(machine(t), filepath.Join(testParent(), "new/deep"), "")
	if err != nil {
		t.Fatal(err)
	}
	failing.groups[len(failing.groups)-1].Path = filepath.Join(last, cgroupfs.Procs, "x")
	if err := failing.make(); !errors.Is(err, unix.ENOTDIR) {
		t.Fatalf("got %v, want ENOTDIR", err)
	}
	for _, g := range failing.groups[:len(failing.groups)-1] {
		if _, err := os.Stat(filepath.Dir(g.Path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", filepath.Dir(g.Path), err)
		}
		if _, err := os.Stat(filepath.Dir(filepath.Dir(g.Path))); err != nil {
			t.Errorf("what was there is gone: %v", err)
		}
	}
}

func TestCreateCopiesCpuset(t *testing.T) {
	m := container(t)
	needs(t, m, "cpuset")
	g := m.find("cpuset")
	want := make(map[string]string)
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		want[file] = strings.TrimSpace(string(mustRead(t, filepath.Join(g.mountpoint, file))))
		holds(t, m, "cpuset", file, want[file])
	}
	// One that someone else made is empty, and so is its parent.
	deep := filepath.Join(g.Path, "a/b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	existing := &Manager{groups: []group{
		{Group: cgroupfs.Group{Path: deep}, label: "cpuset", mountpoint: g.mountpoint}}}
	defer existing.Close()
	if err := existing.make(); err != nil {
		t.Fatal(err)
	}
	for file := range want {
		holds(t, existing, "cpuset", file, want[file])
		holds(t, existing, "cpuset", "../"+file, want[file])
	}
}

func TestRemoveKeepsWhatIsNoCgroup(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "full", "file"), filepath.Join(dir, "link")
	if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o755), os.WriteFile(file, nil, 0o644),
		os.Symlink("full", link)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{filepath.Dir(file): unix.ENOTEMPTY, link: unix.ENOTDIR,
		"/proc/self/task": unix.EPERM} {
		m := only("cpu", path)
		if err := m.Remove(); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", path, err, want)
		}
		if err := m.Kill(unix.SIGKILL); err == nil {
			t.Errorf("%s: its processes were killed", path)
		}
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestRemoveNamesProcesses(t *testing.T) {
	m := container(t)
	cmd := inside(t, m, "exec sleep 100")
	err := m.Remove()
	if !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(),
		fmt.Sprintf("processes in it: [%d]", cmd.Process.Pid)) {
		t.Errorf("got %v", err)
	}
}

func TestHint(t *testing.T) {
	for err, part := range map[error]string{
		unix.EACCES: "delegated", unix.EPERM: "delegated", unix.EROFS: "read-only",
		unix.ENOSPC: "cgroup.max.descendants", unix.EIO: "",
	} {
		got := hint(fmt.Errorf("creating cgroup /x: %w", err))
		if !strings.Contains(got, part) || (got == "") != (part == "") {
			t.Errorf("%v: %q, want one with %q", err, got, part)
		}
	}
}
