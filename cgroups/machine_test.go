package cgroups

import (
	"errors"
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
	"unsafe"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// These tests use the machine's hierarchies, below a cgroup of their own.

func testParent() string { return fmt.Sprintf("/rung-test-%d", os.Getpid()) }

// machine returns the hierarchies of this machine, or skips the test.
func machine(t testing.TB) Hierarchies {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to make cgroups")
	}
	h, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(h, func(h Hierarchy) bool { return !h.Unified }) {
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
	if err := m.Create(); err != nil {
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
	files, err := m.JoinFiles()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", `for i in $FDS; do echo 0 >/proc/self/fd/$i || exit 99; done; echo joined; `+script)
	fds := "FDS="
	for i, f := range files {
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(f.Fd), f.Name))
		fds += " " + strconv.Itoa(3+i)
	}
	cmd.Env = append(os.Environ(), fds)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range cmd.ExtraFiles {
		f.Close()
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	joined := make([]byte, len("joined\n"))
	if _, err := out.Read(joined); err != nil || string(joined) != "joined\n" {
		t.Fatalf("joining: %q, %v", joined, err)
	}
	return cmd
}

func ptr[T any](v T) *T { return &v }

func set(t *testing.T, m *Manager, r *specs.LinuxResources) {
	t.Helper()
	if _, err := m.Set(r); err != nil {
		t.Fatal(err)
	}
}

// holds checks the value of a file.
func holds(t *testing.T, m *Manager, controller, file, want string) {
	t.Helper()
	got, err := m.find(controller).read(file)
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

func TestCreateAndRemove(t *testing.T) {
	m := container(t)
	for _, g := range m.groups {
		if _, err := os.Stat(filepath.Join(g.Path, procs)); err != nil {
			t.Error(err)
		}
	}
	if err := m.Create(); err != nil {
		t.Errorf("creating what exists: %v", err)
	}
	for _, child := range []string{"a", "a/b", "a/b/c", "d"} {
		if err := os.Mkdir(filepath.Join(m.groups[0].Path, child), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	again := Restore(m.State())
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
	if pids, err := again.AllPids(); len(pids) > 0 || err != nil {
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
	failing.groups[len(failing.groups)-1].Path = filepath.Join(last, procs, "x")
	if err := failing.Create(); !errors.Is(err, unix.ENOTDIR) {
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
	existing := &Manager{groups: []group{{Cgroup{"cpuset", deep}, g.mountpoint, -1}}}
	defer existing.Close()
	if err := existing.Create(); err != nil {
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
	if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o755), os.WriteFile(file, nil, 0o644), os.Symlink("full", link)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{filepath.Dir(file): unix.ENOTEMPTY, link: unix.ENOTDIR, "/proc/self/task": unix.EPERM} {
		m := Restore(State{[]Cgroup{{"cpu", path}}})
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
	if !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), fmt.Sprintf("processes in it: [%d]", cmd.Process.Pid)) {
		t.Errorf("got %v", err)
	}
}

func TestProcesses(t *testing.T) {
	m := container(t)
	cmd := inside(t, m, "sleep 100 & sleep 100 & wait")
	self := mustRead(t, fmt.Sprintf("/proc/%d/cgroup", cmd.Process.Pid))
	for _, h := range parseText(string(mustRead(t, "/proc/self/mountinfo")), string(self)) {
		if want := filepath.Join(testParent(), t.Name()); h.Own != want {
			t.Errorf("in %s it is in %s, not in %s", h.Name, h.Own, want)
		}
	}
	pids, err := m.Pids()
	if err != nil || !slices.Contains(pids, cmd.Process.Pid) {
		t.Fatalf("Pids: %v, %v do not contain %d", pids, err, cmd.Process.Pid)
	}
	// One that moved itself into a child cgroup of one hierarchy.
	child := filepath.Join(m.listed().Path, "child")
	if err := os.Mkdir(child, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(child, "tasks"), []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
		t.Fatal(err)
	}
	if pids, err := m.Pids(); err != nil || slices.Contains(pids, cmd.Process.Pid) {
		t.Errorf("Pids: %v, %v still contain %d", pids, err, cmd.Process.Pid)
	}
	if pids, err := m.AllPids(); err != nil || !slices.Contains(pids, cmd.Process.Pid) {
		t.Errorf("AllPids: %v, %v do not contain %d", pids, err, cmd.Process.Pid)
	}
	if err := m.Kill(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if pids, err := m.AllPids(); len(pids) > 0 || err != nil {
		t.Errorf("after Kill: %v, %v", pids, err)
	}
	if err := m.Remove(); err != nil {
		t.Error(err)
	}
}

func TestSignal(t *testing.T) {
	m := container(t)
	ready := filepath.Join(t.TempDir(), "ready")
	// until it is sleep, the second process is a shell with the same trap
	cmd := inside(t, m, `trap "exit 7" TERM; sleep 100 & until read -r c </proc/$!/comm && [ "$c" = sleep ]; do :; done; : >`+ready+`; wait`)
	for deadline := time.Now().Add(5 * time.Second); unix.Access(ready, unix.F_OK) != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the shell does not set its trap")
		}
	}
	if err := m.Kill(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("got %v, want exit status 7", err)
	}
	// The other process of the cgroup got it too.
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		pids, err := m.AllPids()
		if err != nil {
			t.Fatal(err)
		}
		if len(pids) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v are left", pids)
		}
	}
}

// Processes that fork all the time, and more than are held at once, all end.
func TestKillForks(t *testing.T) {
	m := container(t)
	needs(t, m, "pids")
	set(t, m, &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr[int64](400)}})
	inside(t, m, "exec 2>/dev/null; for i in 1 2 3 4; do (while :; do sleep 100 & done) & done; wait")
	deadline := time.Now().Add(time.Minute) // on a busy machine it takes long
	for {
		pids, err := m.AllPids()
		if err != nil {
			t.Fatal(err)
		}
		if len(pids) > maxOpen+20 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("only %d processes", len(pids))
		}
		time.Sleep(time.Millisecond)
	}
	if err := m.Kill(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := m.Remove(); err != nil {
		t.Error(err)
	}
}

func TestFreezer(t *testing.T) {
	m := container(t)
	needs(t, m, "freezer")
	cmd := inside(t, m, "while :; do :; done")
	if err := m.Freeze(); err != nil {
		t.Fatal(err)
	}
	if is, err := m.Frozen(); !is || err != nil {
		t.Errorf("Frozen after Freeze: %v, %v", is, err)
	}
	if _, err := m.JoinFiles(); err == nil || !strings.Contains(err.Error(), "it is frozen") {
		t.Errorf("joining a frozen cgroup: %v", err)
	}
	if err := m.Thaw(); err != nil {
		t.Fatal(err)
	}
	if is, err := m.Frozen(); is || err != nil {
		t.Errorf("Frozen after Thaw: %v, %v", is, err)
	}
	if err := m.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := m.Kill(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	endedBySIGKILL(t, cmd)
}

// Freezing gives up, and lets go on what is stopped already, when a process cannot
// be stopped: one whose memory nobody provides while the kernel writes to it.
func TestFreezerGivesUp(t *testing.T) {
	if os.Getenv("RUNG_TEST_FAULT") != "" { // started below
		waitForMemory()
	}
	m := container(t)
	needs(t, m, "freezer")
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
	if errno != 0 {
		t.Skip("needs userfaultfd(2): ", errno)
	}
	unix.Close(int(fd))
	cmd := inside(t, m, `RUNG_TEST_FAULT=1 exec '`+os.Args[0]+`' -test.run='^TestFreezerGivesUp$'`)
	for end := time.Now().Add(15 * time.Second); !waitsIn(t, cmd.Process.Pid, "handle_userfault"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no thread waits for its memory")
		}
	}
	if err := m.Freeze(); err == nil || !strings.Contains(err.Error(), "still not frozen") {
		t.Errorf("freezing what cannot be stopped: %v", err)
	}
	if is, err := m.Frozen(); is || err != nil {
		t.Errorf("Frozen after it: %v, %v", is, err)
	}
	if err := m.Kill(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	endedBySIGKILL(t, cmd)
}

// waitForMemory has the kernel read into a page of a userfaultfd(2) that nobody
// serves, and does not return.
func waitForMemory() {
	const (
		api      = 0xc018aa3f // UFFDIO_API, struct uffdio_api
		register = 0xc020aa00 // UFFDIO_REGISTER, struct uffdio_register
		missing  = 1          // UFFDIO_REGISTER_MODE_MISSING
	)
	call := func(trap, a, b, c uintptr) uintptr {
		r, _, errno := unix.Syscall(trap, a, b, c)
		if errno != 0 {
			panic(errno)
		}
		return r
	}
	fd := call(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
	call(unix.SYS_IOCTL, fd, api, uintptr(unsafe.Pointer(&[3]uint64{0xaa})))
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		panic(err)
	}
	where := [4]uint64{uint64(uintptr(unsafe.Pointer(&page[0]))), uint64(len(page)), missing}
	call(unix.SYS_IOCTL, fd, register, uintptr(unsafe.Pointer(&where)))
	zero, err := os.Open("/dev/zero")
	if err != nil {
		panic(err)
	}
	call(unix.SYS_READ, zero.Fd(), uintptr(unsafe.Pointer(&page[0])), uintptr(len(page)))
	panic("somebody has provided the memory")
}

// waitsIn reports whether a thread of a process sleeps in a function of the kernel.
func waitsIn(t *testing.T, pid int, function string) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", pid))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(threads, func(path string) bool {
		where, _ := os.ReadFile(path)
		return string(where) == function
	})
}

func endedBySIGKILL(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
		t.Errorf("got %v, want an end by SIGKILL", err)
	}
}

// A frozen parent freezes its children too.
func TestFrozenParent(t *testing.T) {
	m := container(t)
	needs(t, m, "freezer")
	parent := Restore(State{[]Cgroup{{"freezer", filepath.Dir(m.find("freezer").Path)}}})
	defer parent.Close()
	if err := parent.Freeze(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.JoinFiles(); err == nil {
		t.Error("joining below a frozen parent is not refused")
	}
	if err := m.Thaw(); err == nil || !strings.Contains(err.Error(), "parent cgroup is frozen") {
		t.Errorf("thawing below a frozen parent: %v", err)
	}
	if err := parent.Thaw(); err != nil {
		t.Fatal(err)
	}
}

func TestSetMemory(t *testing.T) {
	m := container(t)
	needs(t, m, "memory")
	for _, step := range []struct{ limit, swap int64 }{{32 << 20, 64 << 20}, {128 << 20, 256 << 20}, {8 << 20, 8 << 20}, {16 << 20, -1}, {8 << 20, 8 << 20}, {-1, -1}, {8 << 20, 8 << 20}} {
		set(t, m, &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &step.limit, Swap: &step.swap}})
		want := func(n int64) string {
			if n == -1 {
				return unlimited
			}
			return strconv.FormatInt(n, 10)
		}
		holds(t, m, "memory", memoryLimit, want(step.limit))
		holds(t, m, "memory", memorySwapLimit, want(step.swap))
	}
	set(t, m, &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr[int64](-1)}})
	holds(t, m, "memory", memorySwapLimit, unlimited)

	warnings, err := m.Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{
		Limit: ptr[int64](1 << 30), Reservation: ptr[int64](1 << 20), Kernel: ptr[int64](1 << 20), KernelTCP: ptr[int64](2 << 20),
		Swappiness: ptr[uint64](7), DisableOOMKiller: ptr(true), UseHierarchy: ptr(true), CheckBeforeUpdate: ptr(true),
	}})
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := m.find("memory").read("memory.kmem.limit_in_bytes")
	if ignored := err != nil || kernel != "1048576"; ignored != (len(warnings) == 1 && strings.Contains(warnings[0], "linux.resources.memory.kernel")) {
		t.Errorf("memory.kmem.limit_in_bytes is %q; warnings %q", kernel, warnings)
	}
	holds(t, m, "memory", memoryLimit, "1073741824")
	holds(t, m, "memory", "memory.soft_limit_in_bytes", "1048576")
	holds(t, m, "memory", "memory.kmem.tcp.limit_in_bytes", "2097152")
	holds(t, m, "memory", "memory.swappiness", "7")
	if v, err := m.find("memory").read("memory.oom_control"); err != nil || !strings.Contains(v, "oom_kill_disable 1") {
		t.Errorf("memory.oom_control is %q, %v", v, err)
	}
}

func TestSetCPU(t *testing.T) {
	m := container(t)
	needs(t, m, "cpu", "cpuset")
	set(t, m, &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr[uint64](512), Quota: ptr[int64](200000), Period: ptr[uint64](500000), Burst: ptr[uint64](20000), Cpus: "0", Mems: "0"}})
	holds(t, m, "cpu", cpuShares, "512")
	holds(t, m, "cpu", cpuQuota, "200000")
	holds(t, m, "cpu", cpuPeriod, "500000")
	holds(t, m, "cpu", cpuBurst, "20000")
	holds(t, m, "cpuset", "cpuset.cpus", "0")
	set(t, m, &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr[int64](4000), Period: ptr[uint64](10000), Burst: ptr[uint64](1000)}})
	holds(t, m, "cpu", cpuQuota, "4000")
	holds(t, m, "cpu", cpuBurst, "1000")
	for range 2 {
		set(t, m, &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr[uint64](512), Idle: ptr[int64](1)}})
		holds(t, m, "cpu", cpuIdle, "1")
	}
	set(t, m, &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr[uint64](300), Idle: ptr[int64](0), Quota: ptr[int64](-1)}})
	holds(t, m, "cpu", cpuShares, "300")
	holds(t, m, "cpu", cpuQuota, "-1")
}

// The kernel checks the share of the period between the writes, against the
// parent's.
func TestSetQuotaBelowLimitedParent(t *testing.T) {
	m := container(t)
	needs(t, m, "cpu")
	parent := Restore(State{[]Cgroup{{"cpu", filepath.Dir(m.find("cpu").Path)}}})
	defer parent.Close()
	set(t, parent, &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr[int64](5000), Period: ptr[uint64](100000)}})
	for _, step := range []struct {
		quota  int64
		period uint64
	}{{5000, 100000}, {50000, 1000000}, {1000, 20000}, {50000, 1000000}} {
		set(t, m, &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: &step.quota, Period: &step.period}})
		holds(t, m, "cpu", cpuQuota, strconv.FormatInt(step.quota, 10))
	}
	_, err := m.Set(&specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr[int64](60000)}})
	if err == nil || !strings.Contains(err.Error(), "../cpu.cfs_quota_us is \"5000\"") {
		t.Errorf("more than the parent has: %v", err)
	}
}

func TestSetRealtime(t *testing.T) {
	m := container(t)
	needs(t, m, "cpu")
	if _, err := m.find("cpu").read(realtimeRuntime); errors.Is(err, unix.ENOENT) {
		t.Skip("needs a kernel with CONFIG_RT_GROUP_SCHED")
	}
	set(t, m, &specs.LinuxResources{CPU: &specs.LinuxCPU{RealtimeRuntime: ptr[int64](10000), RealtimePeriod: ptr[uint64](2000000)}})
	for _, up := range []string{"", "../"} {
		holds(t, m, "cpu", up+realtimeRuntime, "10000")
		holds(t, m, "cpu", up+realtimePeriod, "2000000")
	}
}

func TestSetDevices(t *testing.T) {
	m := container(t)
	needs(t, m, "devices")
	set(t, m, &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{
		{Allow: false, Access: "rwm"},
		{Allow: true, Type: "c", Major: ptr[int64](10), Minor: ptr[int64](229), Access: "rw"},
		{Allow: false, Type: "c", Major: ptr[int64](1), Minor: ptr[int64](7), Access: "rwm"},
		{Allow: true, Type: "b", Major: ptr[int64](8), Minor: ptr[int64](20), Access: "r"},
	}})
	list := strings.Split(strings.TrimSpace(string(mustRead(t, filepath.Join(m.find("devices").Path, "devices.list")))), "\n")
	if want := []string{"c 10:229 rw", "b 8:20 r", "c *:* m", "b *:* m", "c 1:3 rwm"}; len(list) < len(want) || !slices.Equal(list[:len(want)], want) {
		t.Errorf("devices.list is %q and does not begin with %q", list, want)
	}
	if len(list) != 2+len(defaultDevices)-1 {
		t.Errorf("devices.list has %d lines: %q", len(list), list)
	}
	cmd := inside(t, m, "echo x >/dev/null || exit 1; (: >/dev/full) 2>/dev/null && exit 2; exit 0")
	if err := cmd.Wait(); err != nil {
		t.Errorf("devices from inside: %v", err)
	}
	child := filepath.Join(m.find("devices").Path, "child")
	if err := os.Mkdir(child, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := m.Set(&specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}}})
	if err == nil || !strings.Contains(err.Error(), "linux.resources.devices[0]") || !strings.Contains(err.Error(), "child cgroups") {
		t.Errorf("a new policy over children: %v", err)
	}
	// A parent that allows less, as in a container: defaults are left out.
	inner := Restore(State{[]Cgroup{{"devices", child}}})
	defer inner.Close()
	warnings, err := inner.Set(&specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}}})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "c 1:7 rwm") {
		t.Errorf("a parent without /dev/full: %v, %q", err, warnings)
	}
	_, err = inner.Set(&specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Allow: true, Type: "c", Major: ptr[int64](1), Minor: ptr[int64](7), Access: "r"}}})
	if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "parent cgroup does not allow it") {
		t.Errorf("more than the parent allows: %v", err)
	}
}

func TestSetPids(t *testing.T) {
	m := container(t)
	needs(t, m, "pids")
	for limit, want := range map[int64]string{5: "5", 0: "0", -1: "max"} {
		set(t, m, &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}})
		holds(t, m, "pids", "pids.max", want)
	}
}

func TestSetErrors(t *testing.T) {
	m := container(t)
	needs(t, m, "memory", "cpu", "cpuset", "pids", "blkio")
	path := func(controller, file string) string { return filepath.Join(m.find(controller).Path, file) }
	for _, c := range []struct {
		r    specs.LinuxResources
		want []string
	}{
		{specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr[int64](2 << 20), Swap: ptr[int64](1 << 20)}},
			[]string{"linux.resources.memory.swap", path("memory", memorySwapLimit), `"1048576"`, "invalid argument", `memory.limit_in_bytes is "2097152"`}},
		{specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: ptr[uint64](201)}},
			[]string{"linux.resources.memory.swappiness", path("memory", "memory.swappiness"), "invalid argument", "now"}},
		{specs.LinuxResources{Memory: &specs.LinuxMemory{UseHierarchy: ptr(false)}},
			[]string{"linux.resources.memory.useHierarchy", "accounted hierarchically"}},
		{specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "4095"}},
			[]string{"linux.resources.cpu.cpus", path("cpuset", "cpuset.cpus"), "../cpuset.cpus is"}},
		{specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr[int64](5)}},
			[]string{"linux.resources.cpu.quota", path("cpu", cpuQuota), `"5"`, `it is "-1" now`}},
		{specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr[int64](5000), Burst: ptr[uint64](6000)}},
			[]string{"linux.resources.cpu.burst", "may not exceed the quota", `"5000"`}},
		{specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr[int64](-2)}},
			[]string{"linux.resources.pids.limit", "pids.max"}},
		{specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{LeafWeight: ptr[uint16](10)}},
			[]string{"linux.resources.blockIO.leafWeight", "blkio.leaf_weight", "this kernel's blkio controller does not have it"}},
	} {
		_, err := m.Set(&c.r)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v\nwant an error with %s", err, want)
			}
		}
	}
}

// A missing controller is seen before anything is written.
func TestSetWithoutController(t *testing.T) {
	m := Restore(State{[]Cgroup{{"memory", filepath.Join(t.TempDir(), "absent")}}})
	_, err := m.Set(&specs.LinuxResources{
		Memory: &specs.LinuxMemory{Swappiness: ptr[uint64](1)},
		Rdma:   map[string]specs.LinuxRdma{"mlx5_1": {HcaHandles: ptr[uint32](3)}},
	})
	want := "linux.resources.rdma.mlx5_1: the rdma controller is not mounted as a cgroup v1 hierarchy, so that rdma.max cannot be used"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// bfqDisk attaches a file to a loop device that bfq schedules, until the test ends, and
// returns its directory in sysfs.
func bfqDisk(t *testing.T) string {
	t.Helper()
	device, err := attachLoop(filepath.Join(t.TempDir(), "disk"), 8<<20)
	if err != nil {
		t.Skip("needs a loop device: ", err)
	}
	sysfs := filepath.Join("/sys/block", filepath.Base(device.Name()))
	scheduler := filepath.Join(sysfs, "queue/scheduler")
	_, before, _ := strings.Cut(string(mustRead(t, scheduler)), "[")
	before, _, _ = strings.Cut(before, "]")
	t.Cleanup(func() {
		if err := errors.Join(os.WriteFile(scheduler, []byte(before), 0), device.Close()); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(scheduler, []byte("bfq"), 0); err != nil {
		t.Skip("needs the I/O scheduler bfq: ", err)
	}
	return sysfs
}

// attachLoop makes a file and a loop device of it, which is detached when it is closed.
func attachLoop(name string, size int64) (*os.File, error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := file.Truncate(size); err != nil {
		return nil, err
	}
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	config := unix.LoopConfig{Fd: uint32(file.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}}
	for {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, err
		}
		device, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		if err = unix.IoctlLoopConfigure(int(device.Fd()), &config); err == nil {
			return device, nil
		}
		device.Close()
		if !errors.Is(err, unix.EBUSY) { // else somebody was faster
			return nil, err
		}
	}
}

// numbers returns those of the device that has this directory in sysfs.
func numbers(t *testing.T, sysfs string) (major, minor int64) {
	t.Helper()
	if _, err := fmt.Sscanf(string(mustRead(t, filepath.Join(sysfs, "dev"))), "%d:%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	return major, minor
}

func TestThrottle(t *testing.T) {
	m := container(t)
	needs(t, m, "blkio")
	disks, err := filepath.Glob("/sys/block/*/dev")
	if err != nil || len(disks) == 0 {
		t.Skip("needs a block device")
	}
	d := specs.LinuxThrottleDevice{Rate: 1 << 20}
	d.Major, d.Minor = numbers(t, filepath.Dir(disks[0]))
	number := fmt.Sprintf("%d:%d", d.Major, d.Minor)
	set(t, m, &specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{ThrottleWriteBpsDevice: []specs.LinuxThrottleDevice{d}}})
	holds(t, m, "blkio", "blkio.throttle.write_bps_device", number+" 1048576")
	d.Rate = 0
	set(t, m, &specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{ThrottleWriteBpsDevice: []specs.LinuxThrottleDevice{d}}})
	holds(t, m, "blkio", "blkio.throttle.write_bps_device", "")
}

func TestOutOfMemory(t *testing.T) {
	m := container(t)
	needs(t, m, "memory")
	set(t, m, &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr[int64](8 << 20), Swap: ptr[int64](8 << 20)}})
	endedBySIGKILL(t, inside(t, m, "exec tail /dev/zero"))
	s, err := m.Memory()
	if err != nil || s.OOMKills != 1 || s.Memory.Limit != 8<<20 || s.Memory.MaxUsage != 8<<20 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestStats(t *testing.T) {
	m := container(t)
	needs(t, m, "cpu", "cpuacct", "memory", "pids")
	set(t, m, &specs.LinuxResources{
		CPU: &specs.LinuxCPU{Quota: ptr[int64](2000), Period: ptr[uint64](10000)}, Pids: &specs.LinuxPids{Limit: ptr[int64](9)},
		Memory: &specs.LinuxMemory{Limit: ptr[int64](64 << 20)},
	})
	inside(t, m, "while :; do :; done")
	var s *Stats
	// on a busy machine it takes long; the time of a throttling counts when that ends
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		var err error
		if s, err = m.Stats(); err != nil {
			t.Fatal(err)
		}
		if s.CPU.ThrottledPeriods > 2 && s.CPU.ThrottledTime > 0 && s.CPU.Usage >= 2e6 && s.CPU.User+s.CPU.Kernel > 0 {
			break
		}
	}
	if s.CPU.ThrottledPeriods < 3 || s.CPU.ThrottledTime == 0 || s.CPU.Periods < s.CPU.ThrottledPeriods {
		t.Errorf("throttling: %+v", s.CPU)
	}
	var sum uint64
	for _, n := range s.CPU.PerCPU {
		sum += n
	}
	if s.CPU.Usage < 2e6 || sum < s.CPU.Usage || s.CPU.User+s.CPU.Kernel == 0 {
		t.Errorf("usage: %+v, sum %d", s.CPU, sum)
	}
	if s.Memory.Memory.Limit != 64<<20 || s.Memory.Memory.Usage == 0 || s.Memory.Memory.MaxUsage < s.Memory.Memory.Usage || len(s.Memory.Raw) < 10 {
		t.Errorf("memory: %+v", s.Memory)
	}
	if s.Pids != (PidsStats{Current: 1, Limit: 9}) {
		t.Errorf("pids: %+v", s.Pids)
	}
}

// No descriptors stay open after Close, and those of JoinFiles are close-on-exec.
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
	files, err := m.JoinFiles()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(m.groups) {
		t.Errorf("%d join files for %d hierarchies", len(files), len(m.groups))
	}
	for _, f := range files {
		if flags, err := unix.FcntlInt(uintptr(f.Fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s: flags %d, %v", f.Name, flags, err)
		}
		unix.Close(f.Fd)
	}
	if _, err := m.AllPids(); err != nil {
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
		h, err := Find()
		must(b, err)
		m, err := New(h, testParent(), "")
		must(b, err)
		at[1] = time.Now()
		must(b, m.Create())
		at[2] = time.Now()
		_, err = m.Set(r)
		must(b, err)
		at[3] = time.Now()
		files, err := m.JoinFiles()
		must(b, err)
		at[4] = time.Now()
		for _, f := range files {
			unix.Close(f.Fd)
		}
		m.Close()
		must(b, Restore(m.State()).Remove())
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
