package v1

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// These tests use the machine's hierarchies, below a cgroup of their own.

func testParent() string { return fmt.Sprintf("/rung-test-%d", os.Getpid()) }

// machine returns the hierarchies of this machine, or skips the test.
func machine(t testing.TB) cgroups.Hierarchies {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to make cgroups")
	}
	h, err := cgroups.Find()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(h, func(h cgroups.Hierarchy) bool { return !h.Unified }) {
		t.Skip("needs a mounted cgroup v1 hierarchy")
	}
	return h
}

// container creates a cgroup that is removed after the test.
func container(t testing.TB) *Manager {
	t.Helper()
	h := machine(t)
	m, err := New(h, filepath.Join(testParent(), strings.ReplaceAll(t.Name(), "/", "-")), "")
	if err != nil {
		t.Fatal(err)
	}
	parent, err := New(h, testParent(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Close()
		if err := parent.Kill(unix.SIGKILL); err != nil {
			t.Error(err)
		}
		if err := parent.Remove(); err != nil {
			t.Error(err)
		}
	})
	if err := m.make(); err != nil {
		t.Fatal(err)
	}
	return m
}

// needs skips the test when a controller is not mounted.
func needs(t *testing.T, m *Manager, controllers ...string) {
	t.Helper()
	for _, c := range controllers {
		if m.find(c) == nil {
			t.Skipf("needs the %s controller as a v1 hierarchy", c)
		}
	}
}

// inside starts a shell script in the cgroup. The shell joins before it does
// anything else; the first word of its output says that it has.
func inside(t *testing.T, m *Manager, script string) *exec.Cmd {
	t.Helper()
	entry, err := m.Entry(false)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c",
		`for i in $FDS; do echo 0 >/proc/self/fd/$i || exit 99; done; echo joined; `+script)
	fds := "FDS="
	for i, f := range entry.Files {
		if f.Fd < 0 {
			continue
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(f.Fd), f.Name))
		fds += " " + strconv.Itoa(3+i)
	}
	cmd.Env = append(os.Environ(), fds)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: entry.Dir.Ok(), CgroupFD: entry.Dir.Int()}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for i, f := range cmd.ExtraFiles {
		f.Close()
		entry.Files[i].Fd = -1
	}
	entry.Close()
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	joined := make([]byte, len("joined\n"))
	if _, err := out.Read(joined); err != nil || string(joined) != "joined\n" {
		t.Fatalf("joining: %q, %v", joined, err)
	}
	return cmd
}

// only returns a cgroup in one hierarchy.
func only(label, path string) *Manager {
	return &Manager{groups: []group{{label: label, Group: cgroupfs.Group{Path: path}}}}
}

func ptr[T any](v T) *T { return &v }

func set(t *testing.T, m *Manager, r *specs.LinuxResources) {
	t.Helper()
	_, err := m.set(r)
	if err == nil && r.Devices != nil {
		_, err = m.SetDevices(r.Devices)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// holds checks the value of a file.
func holds(t *testing.T, m *Manager, controller, file, want string) {
	t.Helper()
	got, err := m.find(controller).Read(file)
	if err != nil || got != want {
		t.Errorf("%s holds %q, %v, want %q", file, got, err, want)
	}
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// No descriptors stay open after Close, and those of Entry are close-on-exec.
func TestDescriptors(t *testing.T) {
	count := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	m := container(t)
	m.Close()
	before := count()
	entry, err := m.Entry(false)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	fds := []int{entry.Dir.Int()}
	for _, f := range entry.Files {
		names = append(names, f.Name)
		if f.Fd >= 0 {
			fds = append(fds, f.Fd)
		}
	}
	told, optional := m.EntryFiles()
	if optional != "" {
		told = append(told, optional)
	}
	if !slices.Equal(names, told) {
		t.Errorf("files %q, told before: %q", names, told)
	}
	if !entry.Dir.Ok() {
		fds = fds[1:]
	}
	if len(fds) != len(m.groups) {
		t.Errorf("%d descriptors for %d hierarchies", len(fds), len(m.groups))
	}
	for _, fd := range fds {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d: flags %d, %v", fd, flags, err)
		}
	}
	entry.Close()
	if _, err := m.Processes(); err != nil {
		t.Error(err)
	}
	if _, err := m.Stats(); err != nil {
		t.Error(err)
	}
	m.Close()
	if after := count(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// BenchmarkStart is what a start does until a process can join, and the removal.
func BenchmarkStart(b *testing.B) {
	machine(b)
	r := &specs.LinuxResources{
		Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}},
		Memory:  &specs.LinuxMemory{Limit: ptr[int64](1 << 30)},
		CPU:     &specs.LinuxCPU{Shares: ptr[uint64](512)},
		Pids:    &specs.LinuxPids{Limit: ptr[int64](100)},
	}
	var spent [5][]time.Duration
	for range b.N {
		var at [6]time.Time
		at[0] = time.Now()
		h, err := cgroups.Find()
		must(b, err)
		m, err := New(h, testParent(), "")
		must(b, err)
		at[1] = time.Now()
		must(b, m.make())
		at[2] = time.Now()
		_, err = m.set(r)
		must(b, err)
		at[3] = time.Now()
		entry, err := m.Entry(false)
		must(b, err)
		at[4] = time.Now()
		entry.Close()
		m.Close()
		must(b, Restore(m.Record()).Remove())
		at[5] = time.Now()
		for i := range spent {
			spent[i] = append(spent[i], at[i+1].Sub(at[i]))
		}
	}
	for i, name := range []string{"find", "create", "set", "join", "remove"} {
		slices.Sort(spent[i])
		b.ReportMetric(float64(spent[i][0].Microseconds()), name+"-min-µs")
		b.ReportMetric(float64(spent[i][b.N/2].Microseconds()), name+"-median-µs")
	}
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
