package v1

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

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
	if _, err := m.Entry(false); err == nil || !strings.Contains(err.Error(), "it is frozen") {
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
	for end := time.Now().Add(15 * time.Second); !waitsIn(t, cmd.Process.Pid,
		"handle_userfault"); time.Sleep(time.Millisecond) {
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

// A frozen parent freezes its children too.
func TestFrozenParent(t *testing.T) {
	m := container(t)
	needs(t, m, "freezer")
	parent := only("freezer", filepath.Dir(m.find("freezer").Path))
	defer parent.Close()
	if err := parent.Freeze(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Entry(false); err == nil {
		t.Error("joining below a frozen parent is not refused")
	}
	if err := m.Thaw(); err == nil || !strings.Contains(err.Error(), "parent cgroup is frozen") {
		t.Errorf("thawing below a frozen parent: %v", err)
	}
	if err := parent.Thaw(); err != nil {
		t.Fatal(err)
	}
}
