package check

import (
	"strings"

	"github.com/rung-oci/rung/libcontainer/launch"
)

// images executes a first process: from memory, or if that is forbidden from a
// file.
func (m *Machine) images() []Finding {
	const name = "memfd"
	err := m.Memfd()
	if err == nil {
		return []Finding{ok(name, "first processes are executed from memory")}
	}
	found := err.Error()
	if value, is := m.read("/proc/sys/vm/memfd_noexec"); is && value != "0" {
		found += " (sysctl vm.memfd_noexec=" + value + ")"
	}
	if err := m.Try(attempt("executing a file")); err != nil {
		return []Finding{fail(name, found+"; "+err.Error(),
			"set sysctl vm.memfd_noexec=1, or give rung a directory on a mount without noexec: --image-dir DIR")}
	}
	dirs := strings.Join(launch.ImageDirs(m.StateDir), ", ")
	return []Finding{no(name, found,
		"rung takes a file instead, in the first of "+dirs+" that allows executing; sysctl vm.memfd_noexec=1 makes "+
			"it faster")}
}
