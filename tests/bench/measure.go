package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// quiet keeps this process from disturbing what it measures, and makes it the
// parent of the containers' init processes. It returns the way back.
func quiet() (release func()) {
	runtime.GC()
	percent := debug.SetGCPercent(-1)
	runtime.LockOSThread()
	unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	return func() {
		runtime.UnlockOSThread()
		debug.SetGCPercent(percent)
	}
}

// A command that takes longer than this is killed: some hang when their memory
// is short.
const commandLimit = 30 * time.Second

// execute runs a program with /dev/null as its standard input and output, and
// returns its exit status and what it took. Go starts processes as vfork does,
// so the size of this process does not count.
func execute(path string, args []string, stderr *os.File) (status int, wall, cpu time.Duration, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, 0, 0, err
	}
	defer null.Close()
	attr := &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{null.Fd(), null.Fd(), stderr.Fd()},
	}
	var ended syscall.WaitStatus
	var usage syscall.Rusage
	start := time.Now()
	pid, err := syscall.ForkExec(path, args, attr)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("starting %s: %w", path, err)
	}
	overdue := time.AfterFunc(commandLimit, func() { syscall.Kill(pid, syscall.SIGKILL) })
	defer overdue.Stop()
	for {
		if _, err = syscall.Wait4(pid, &ended, 0, &usage); err != syscall.EINTR {
			break
		}
	}
	wall = time.Since(start)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("waiting for %s: %w", path, err)
	}
	status = ended.ExitStatus()
	if ended.Signaled() {
		status = 128 + int(ended.Signal())
	}
	return status, wall, time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

type samples []float64

// median returns the middle sample, or 0 without any.
func (s samples) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// min returns the smallest sample, or 0 without any.
func (s samples) min() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Min(s)
}
