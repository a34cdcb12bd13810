package systemd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/systemd/bus"
	"github.com/rung-oci/rung/internal/kernel"
)

// Where the system's service manager is reached: by its own socket, which needs no bus and asks
// nobody else, or by the bus. See systemd's src/core/dbus.c and sd_bus_open_system(3).
const (
	privateSocket = "/systemd/private"
	systemRun     = "/run"
	systemBus     = "/run/dbus/system_bus_socket"
)

// ofSystem reports whether the caller is to use the system's service manager: the one whose socket is the
// caller's own. Being root says less: in podman's user namespace everybody is, and the system's manager is
// a stranger's there.
func ofSystem() bool {
	for _, path := range [...]string{systemRun + privateSocket, systemBus} {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err == nil {
			return st.Uid == uint32(os.Geteuid())
		}
	}
	return os.Geteuid() == 0
}

// addresses are where the service manager is looked for, the best one first.
func addresses(system bool) ([]bus.Address, error) {
	if system {
		return []bus.Address{{Path: systemRun + privateSocket, Direct: true}, {Path: systemBus}}, nil
	}
	var dirs []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		dirs = append(dirs, dir)
	}
	if uid, err := hostUID(); err == nil {
		if dir := "/run/user/" + strconv.FormatUint(uint64(uid), 10); len(dirs) == 0 || filepath.Clean(dirs[0]) != dir {
			dirs = append(dirs, dir)
		}
	}
	var list []bus.Address
	for _, dir := range dirs {
		list = append(list, bus.Address{Path: dir + privateSocket, Direct: true})
	}
	if text := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); text != "" {
		session, err := bus.ParseAddresses(text)
		if err != nil {
			return nil, fmt.Errorf("DBUS_SESSION_BUS_ADDRESS: %w", err)
		}
		list = append(list, session...)
	}
	for _, dir := range dirs {
		list = append(list, bus.Address{Path: dir + "/bus"})
	}
	return list, nil
}

// hostUID is the caller's uid outside of its user namespace, by which the directories below /run/user
// are named.
func hostUID() (uint32, error) {
	text, err := kernel.ReadFile(unix.AT_FDCWD, "/proc/self/uid_map", 256)
	if err != nil {
		return 0, err
	}
	return mapped(text, uint32(os.Geteuid()))
}

func mapped(uidMap []byte, uid uint32) (uint32, error) {
	for line := range bytes.Lines(uidMap) {
		var inside, outside, size uint32
		if _, err := fmt.Sscan(string(line), &inside, &outside, &size); err != nil {
			return 0, err
		}
		if inside <= uid && uid-inside < size {
			return outside + uid - inside, nil
		}
	}
	return 0, fmt.Errorf("uid %d is not mapped", uid)
}
