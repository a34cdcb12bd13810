package entry

// No imports, or the package would not be initialised as early as it is.

import "unsafe"

const (
	// size is what most commands need and do not get from the runtime's own start,
	// in bytes: some 100 pages of it are touched.
	size = 512 << 10
	// alignment is that of pages on any architecture.
	alignment = 64 << 10
)

// first is an object that has pages to itself, and so lies where the heap is to grow
// from now on. Small ones lie where there was room.
var first = new([8 << 10]byte)

// heap is where the heap's pages are mapped so far: the first ones when packages are
// initialised. Packages without imports come first (see package inherited), so it is
// before the initialisation of the others allocates.
var heap = populated{addr: uintptr(unsafe.Pointer(first)) &^ (alignment - 1)}.more(size)

// A populated range is mapped by the kernel, at once.
type populated struct{ addr, length uintptr }

// more is the range with that many bytes behind it.
func (p populated) more(length uintptr) populated {
	populate(p.addr+p.length, length) // what fails is only slower
	p.length += length
	return p
}

// MoreHeap has the kernel map that many bytes (a multiple of 64 KiB) of what the heap
// is about to grow into, besides what is mapped from the start. It is for commands
// that allocate much before they do anything else.
func MoreHeap(length uintptr) { heap = heap.more(length) }

// populate is madvise(addr, length, MADV_POPULATE_WRITE), Linux 5.14. It stops at the
// end of what is mapped.
//
//go:noescape
func populate(addr, length uintptr)
