package entry

const Size = size

func Heap() uintptr { return heap }
