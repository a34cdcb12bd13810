// Package prefault has the kernel give this process the first pages of its heap at
// once. A short command touches some 150 of them, and taking them one by one, a
// page fault each, is up to a tenth of its time.
//
// Importing it is all. Packages without imports are initialised first (see package
// inherited), so it is done before the initialisation of the others allocates.
package prefault

import "unsafe"

const (
	// size is what most commands need and do not get from the runtime's own start.
	size = 512 << 10
	// alignment is that of pages on any architecture.
	alignment = 64 << 10
)

// first is an object that has pages to itself, and so lies where the heap is to grow
// from now on. Small ones lie where there was room.
var first = new([8 << 10]byte)

var start = populate()

func populate() uintptr {
	addr := uintptr(unsafe.Pointer(first)) &^ (alignment - 1)
	madvise(addr, size) // what fails is only slower
	return addr
}

// madvise is madvise(addr, length, MADV_POPULATE_WRITE), Linux 5.14. It stops at the
// end of what is mapped.
//
//go:noescape
func madvise(addr, length uintptr)
