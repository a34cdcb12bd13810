package check

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// The controllers that linux.resources of usual configs is about.
var usualControllers = [...]string{"cpu", "cpuacct", "cpuset", "memory", "pids", "devices", "freezer", "blkio"}

func (m *Machine) cgroups() []Finding {
	var controllers []string
	unified := false
	for _, h := range m.Hierarchies {
		unified = unified || h.Unified
		controllers = append(controllers, h.Controllers...)
	}
	controllers = slices.DeleteFunc(controllers, func(c string) bool { return strings.HasPrefix(c, "name=") })
	switch {
	case len(m.Hierarchies) == 0:
		return []Finding{fail("version", "none is mounted",
			"mount the hierarchies below /sys/fs/cgroup, as systemd or Debian's cgroupfs-mount does")}
	case m.Hierarchies.Pure():
		return append([]Finding{ok("version", "2")}, m.delegation()...)
	}
	version := "1"
	if unified {
		version = "1, and 2 without controllers (hybrid)"
	}
	list := []Finding{ok("version", version), ok("controllers", strings.Join(controllers, " "))}
	for _, c := range usualControllers {
		if !slices.Contains(controllers, c) {
			found, advice := m.controllerAdvice(c)
			list = append(list, no(c, found, advice+"; limits that need it are refused"))
		}
	}
	return append(list, m.delegation()...)
}

// controllerAdvice looks for a controller in /proc/cgroups, whose lines are
//
//	#subsys_name	hierarchy	num_cgroups	enabled
func (m *Machine) controllerAdvice(name string) (found, advice string) {
	text, _ := m.read("/proc/cgroups")
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 4 && f[0] == name {
			if f[3] == "0" {
				return "switched off", "boot without cgroup_disable=" + name + ", or with cgroup_enable=" + name
			}
			return "not mounted", fmt.Sprintf("mount -t cgroup -o %s none /sys/fs/cgroup/%[1]s", name)
		}
	}
	return "the kernel has none", "use a kernel with the controller " + name
}

// delegation tells where the caller may make cgroups.
func (m *Machine) delegation() []Finding {
	var list []Finding
	writable := 0
	for _, h := range m.Hierarchies {
		if h.Own == "" {
			list = append(list, no(h.Name, "the caller's cgroup is outside of what is mounted",
				"containers need an absolute linux.cgroupsPath: run rung in the cgroup namespace that "+
					h.Mountpoint+" was mounted in"))
			continue
		}
		dir := filepath.Join(h.Mountpoint, h.Own)
		err := m.Writable(dir)
		if err == nil {
			writable++
			continue
		}
		advice := "run rung as root, or have the cgroup given to the user"
		if errors.Is(err, unix.EROFS) {
			advice = "mount it read-write: a container around rung has to be privileged"
		}
		list = append(list, fail(h.Name, fmt.Sprintf("%s: %v", dir, err), advice))
	}
	found := fmt.Sprintf("cgroups can be made in %d of %d hierarchies", writable, len(m.Hierarchies))
	if writable == 0 {
		return append(list, no("delegation", found, "see what each of them lacks"))
	}
	return append(list, ok("delegation", found))
}
