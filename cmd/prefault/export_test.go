package prefault

// No imports, or the package would not be initialised as early as it is.

const Size = size

func Start() uintptr { return start }
