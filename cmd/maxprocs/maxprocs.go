// Package maxprocs has the Go runtime begin with GOMAXPROCS=1, if main imports it and
// the linker is told -E github.com/rung-oci/rung/cmd/maxprocs.start, as the Makefile does.
//
// A command is one thing after the other. A second processor only starts and wakes threads
// that find nothing to do, and they are there before any Go code runs: runtime.GOMAXPROCS
// comes too late, and stopping them costs more than it saves. What the runtime reads is the
// environment that execve(2) left on the stack. So start, where the process then begins,
// puts the setting in front of it; the kernel's own view, /proc/PID/environ, stays as it was.
//
// It is only for speed: without -E a program works as well.
package maxprocs
