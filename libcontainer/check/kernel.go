package check

import "fmt"

// The oldest kernel with all that birth programs use: openat2, mount_setattr and
// move_mount, clone3 into a cgroup, close_range, pidfds.
const needsMajor, needsMinor = 5, 14

func (m *Machine) kernel() []Finding {
	const name = "version"
	var major, minor int
	if n, _ := fmt.Sscanf(m.Release, "%d.%d", &major, &minor); n != 2 {
		return []Finding{no(name, m.Release,
			fmt.Sprintf("rung does not understand this version; it needs %d.%d or newer", needsMajor, needsMinor))}
	}
	if major < needsMajor || major == needsMajor && minor < needsMinor {
		return []Finding{fail(name, m.Release, fmt.Sprintf("rung needs Linux %d.%d or newer: upgrade the kernel",
			needsMajor, needsMinor))}
	}
	return []Finding{ok(name, m.Release)}
}
