// Package entry spares a short command much of what its start would cost. Importing
// it does half of that; for the other half the linker has to be told -E
// github.com/rung-oci/rung/cmd/entry.start, as the Makefile does.
//
// What a command that lasts some milliseconds mostly pays for is touching pages for
// the first time, one page fault each, and threads of the Go runtime. So
//
//   - start, where the process then begins, has the kernel map the executable at
//     once. A page costs a twentieth of what its fault would.
//   - On amd64 the executable is mapped in huge pages as far as the page cache has it
//     in such, and what is not there is read in such, except for the text's first ones.
//     That takes a file system with large folios, and a file that was written in one
//     piece or is read for the first time with a read-ahead of less than 512 KiB (the
//     kernel's default is 128).
//   - The huge page that the text ends in needs the same protection all over, so the
//     head of the read-only data, less than 2 MiB, becomes executable with it, as all
//     of it was in every executable until linkers gave it a segment of its own
//     (binutils 2.31). Nothing becomes writable. And start must not lie in that page,
//     which its own fault would have mapped in small ones: the linker puts it near the
//     runtime's text if this package is the first that main imports.
//   - It adds GOMAXPROCS=1 to the end of the environment that the runtime finds, where
//     one that the caller gave still comes first. A command is one thing after the
//     other, and a second processor only wakes threads that find nothing to do. The
//     kernel's own view of the environment, /proc/PID/environ, stays as it was.
//   - When packages are initialised, the first pages of the heap come at once; a
//     command that needs more of them asks for those with [MoreHeap].
//
// All of it is only for speed: without it, and where a call fails, rung works as well.
package entry
