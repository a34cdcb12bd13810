package entry

// No imports, or the package would not be initialised as early as it is.

import "unsafe"

const (
	// size is what most commands need and do not get from the runtime's own start,
	// in bytes.
	size = 512 << 10
	// alignment is that of pages on any architecture.
	alignment = 64 << 10
)

// first is an object that has pages to itself, and so lies where the heap is to grow
// from now on. Small ones lie where there was room.
var first = new([8 << 10]byte)

// heap is done when packages are initialised. Packages without imports come first (see
// package inherited), so it is before the initialisation of the others allocates.
var heap = populateHeap()

// populateHeap has the kernel map the pages that the heap is about to grow into, some
// 150 of which a short command touches, and returns their address.
func populateHeap() uintptr {
	addr := uintptr(unsafe.Pointer(first)) &^ (alignment - 1)
	populate(addr, size) // what fails is only slower
	return addr
}

// populate is madvise(addr, length, MADV_POPULATE_WRITE), Linux 5.14. It stops at the
// end of what is mapped.
//
//go:noescape
func populate(addr, length uintptr)
