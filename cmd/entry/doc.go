// Package entry spares a short command much of what its start would cost. Importing
// it does half of that; for the other half the linker has to be told -E
// github.com/rung-oci/rung/cmd/entry.start, as the Makefile does.
//
// What a command that lasts some milliseconds mostly pays for is touching pages for
// the first time, one page fault each, and threads of the Go runtime. So
//
//   - start, where the process then begins, has the kernel map the executable at
//     once. A page costs a twentieth of what its fault would.
//   - It adds GOMAXPROCS=1 to the end of the environment that the runtime finds, where
//     one that the caller gave still comes first. A command is one thing after the
//     other, and a second processor only wakes threads that find nothing to do. The
//     kernel's own view of the environment, /proc/PID/environ, stays as it was.
//   - When packages are initialised, the first pages of the heap come at once; a
//     command that needs more of them asks for those with [MoreHeap].
//
// All of it is only for speed: without it, and where a call fails, rung works as well.
package entry
