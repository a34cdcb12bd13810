package devices

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/devices/ebpf"
	"github.com/rung-oci/rung/internal/kernel"
)

// programName is the name of our programs, by which they are found again beside those of
// others, such as systemd's.
const programName = "rung_devices"

// Enforce has the kernel enforce the List in a cgroup of v2, a descriptor of its directory. A
// program takes the place of the one that is ours, if there is one, and at no moment there is none; programs of
// others stay. Where everything is allowed there is none. After an error nothing has changed.
//
// A caller who may not load programs is refused, and told what it takes. That is only a
// warning where nobody asked for rules; and, as with other runtimes, for a caller who has
// no rights in the first user namespace: no node that such a one makes opens a device. Where both
// is so there is nothing to be told.
func (l *List) Enforce(cgroup int) (warnings []string, err error) {
	err = l.enforce(cgroup)
	switch {
	case err == nil:
		return nil, nil
	case !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOSYS):
	case !l.asked && !initialRoot():
		return nil, nil
	case !l.asked || !initialRoot():
		return []string{"linux.resources.devices: not enforced: " + err.Error()}, nil
	}
	return nil, fmt.Errorf("linux.resources.devices: %w", err)
}

// enforce makes the list's program the only one of ours.
func (l *List) enforce(cgroup int) error {
	var program kernel.Fd
	if !l.AllowsEverything() {
		var err error
		if program, err = l.load(); err != nil {
			return err
		}
		defer program.Close()
	}
	ours, err := ourPrograms(cgroup)
	defer kernel.CloseAll(ours)
	if err != nil {
		if l.AllowsEverything() && errors.Is(err, unix.EPERM) {
			return nil // who may not look has attached none
		}
		return fmt.Errorf("looking for the device filter in force: %w", err)
	}
	if program.Ok() {
		var replaced kernel.Fd
		if len(ours) > 0 {
			replaced = ours[0]
		}
		if err := ebpf.Attach(cgroup, program, replaced); err != nil {
			return fmt.Errorf("attaching the device filter: %w%s", err, attachHint(err))
		}
		ours = ours[min(len(ours), 1):]
	}
	for _, old := range ours {
		if err := ebpf.Detach(cgroup, old); err != nil && err != unix.ENOENT {
			return fmt.Errorf("detaching the device filter before: %w", err)
		}
	}
	return nil
}

func (l *List) load() (program kernel.Fd, err error) {
	code, err := l.Compile().Assemble()
	if errors.Is(err, ebpf.ErrTooFar) {
		return program, fmt.Errorf("there are too many rules for a device filter: %w", err)
	}
	if err == nil {
		program, err = ebpf.LoadProgram(programName, code)
	}
	if err != nil {
		return program, fmt.Errorf("loading the device filter: %w%s", err, loadHint(err))
	}
	return program, nil
}

func loadHint(err error) string {
	if err == unix.EPERM || err == unix.ENOSYS {
		return " (bpf(2) takes CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, in the first user namespace, and of a " +
			"container around this one that its seccomp filter allows it)"
	}
	return ""
}

func attachHint(err error) string {
	switch err {
	case unix.EPERM:
		return " (a program of a parent cgroup, or one that is there, allows no others)"
	case unix.EINVAL:
		return " (the kernel is built without CONFIG_CGROUP_BPF)"
	}
	return ""
}

// ourPrograms returns those of our programs that are attached to the cgroup.
func ourPrograms(cgroup int) (ours []kernel.Fd, err error) {
	ids, err := ebpf.Attached(cgroup)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		program, err := ebpf.OpenProgram(id)
		if err == unix.ENOENT {
			continue
		}
		if err != nil {
			return ours, err
		}
		if name, err := ebpf.Name(program); err != nil || name != programName {
			program.Close()
			continue
		}
		ours = append(ours, program)
	}
	return ours, nil
}

// initialRoot reports whether the caller is root of the first user namespace.
func initialRoot() bool {
	m, err := os.ReadFile("/proc/self/uid_map")
	return os.Geteuid() == 0 && err == nil && slices.Equal(strings.Fields(string(m)), []string{"0", "0", "4294967295"})
}
