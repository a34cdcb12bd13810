// Package inherited remembers what the Go runtime changes before main runs.
//
// The syscall package raises the soft limit of open files to the hard one when
// it is initialised, and nothing says afterwards what it was. Packages without
// imports are initialised before it (Go specification, Package initialization,
// and the sort by import path in the linker), so this one, which makes its
// system call in assembly, still sees the caller's limit. A test makes sure.
package inherited

// Rlimit is struct rlimit of prlimit(2).
type Rlimit struct{ Soft, Hard uint64 }

var nofile = read()

func read() (r Rlimit) {
	getNofile(&r)
	return r
}

// getNofile is prlimit64(0, RLIMIT_NOFILE, NULL, r).
//
//go:noescape
func getNofile(r *Rlimit)

// Nofile is the limit of open files that this process was started with.
func Nofile() Rlimit { return nofile }
