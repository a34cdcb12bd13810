package entry

func Heap() (addr, length uintptr) { return heap.addr, heap.length }
