// Package startup says in a sentence what the Go runtime crashes of before main, or in the
// middle of it, where a limit of the caller's is too low: ulimit -u, -v and -d, pids.max of the
// cgroup. It costs nothing where there is none.
package startup

import (
	"strings"
	"syscall"
	"unsafe"
)

// The runtime's print goes through it if it is set, runtime/time_nofake.go. It is here
// before any code runs, because it has a constant value.
//
//go:linkname overrideWrite runtime.overrideWrite
var overrideWrite func(fd uintptr, p unsafe.Pointer, n int32) int32 = write

var done, failed bool

// Done says that main runs. What the runtime prints from now on is a fault of the program's.
func Done() { done = true }

const (
	noThread = "rung: a thread cannot be started: the limit of processes is reached, " +
		"ulimit -u or pids.max of a cgroup of rung's\n"
	notStarted = "rung cannot start: do ulimit -v and -d allow 1 GiB, which the Go runtime reserves? "
)

// write is write(2), of what print has, piece by piece. There may be no heap yet, and
// no room to grow the stack.
//
//go:nosplit
func write(fd uintptr, p unsafe.Pointer, n int32) int32 {
	if fd == 2 && n > 0 {
		text := unsafe.String((*byte)(p), n)
		if strings.HasPrefix(text, "runtime: failed to create new OS thread") { // newosproc of runtime/os_linux.go
			say(noThread)
			exit()
		}
		if !done && (strings.HasPrefix(text, "fatal error: ") || strings.HasPrefix(text, "runtime: out of memory")) {
			failed = true
			say(notStarted)
		}
		if failed && text[n-1] == '\n' { // goroutines would follow
			say(text)
			exit()
		}
	}
	written, _, err := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(p), uintptr(n))
	if err != 0 {
		return -int32(err)
	}
	return int32(written)
}

//go:nosplit
func say(text string) {
	syscall.RawSyscall(syscall.SYS_WRITE, 2, uintptr(unsafe.Pointer(unsafe.StringData(text))), uintptr(len(text)))
}

//go:nosplit
func exit() { syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 1, 0, 0) }
