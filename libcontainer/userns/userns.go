// Package userns reads and writes the maps of user namespaces, and acts for their root:
// user_namespaces(7).
package userns

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
)

// AsRoot does something as the root of a process's user namespace where that is not this
// process's user: files on a filesystem of that namespace cannot belong to users that it
// does not know. The thread that changed is not used again.
func AsRoot(pid int, do func() error) error {
	uid, gid, err := rootIDs(pid)
	if err != nil || uid == 0 && gid == 0 {
		return errors.Join(err, do())
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- asUser(uid, gid, do)
	}()
	return <-done
}

// rootIDs are the ids on the host of the root of a process's user namespace.
func rootIDs(pid int) (uid, gid int, err error) {
	ids := [2]int{}
	for i, file := range [...]string{"uid_map", "gid_map"} {
		mappings, err := ReadMap(pid, file)
		if err != nil {
			return 0, 0, fmt.Errorf("the container's root: %w", err)
		}
		if ids[i] = int(birth.HostID(mappings, nil)); ids[i] == 0 && len(mappings) > 0 && mappings[0].ContainerID != 0 {
			ids[i] = int(mappings[0].HostID) // it has no root: any id that it knows
		}
	}
	return ids[0], ids[1], nil
}

// ReadMap reads a map, uid_map or gid_map, of the user namespace that a process is in.
func ReadMap(pid int, file string) (mappings []specs.LinuxIDMapping, err error) {
	text, err := kernel.ReadFile(unix.AT_FDCWD, fmt.Sprintf("/proc/%d/%s", pid, file), 512)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		var m specs.LinuxIDMapping
		if n, _ := fmt.Sscan(line, &m.ContainerID, &m.HostID, &m.Size); n == 3 {
			mappings = append(mappings, m)
		}
	}
	return mappings, nil
}

// asUser changes the ids for files of this thread (setfsuid(2)), which takes
// capabilities away, and takes those back.
func asUser(uid, gid int, do func() error) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	unix.Setfsgid(gid)
	unix.Setfsuid(uid)
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return do()
}
