package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rung-oci/rung/tests/bundle"
	"golang.org/x/sys/unix"
)

// emptyUnified takes the controllers away from a cgroup v2 hierarchy that
// stands beside v1 ones, by mounting them as v1 hierarchies in this process's
// own mount namespace: Debian's crun refuses to run otherwise. It returns the
// way back. On a machine without v1 hierarchies it does nothing.
func emptyUnified() (restore func(), err error) {
	mounts, err := bundle.CgroupMounts()
	if err != nil {
		return nil, err
	}
	var added []string
	restore = func() {
		for _, dir := range added {
			unmountIdle(dir)
		}
	}
	if len(mounts) < 2 {
		return restore, nil
	}
	for _, mount := range mounts {
		list, err := os.ReadFile(filepath.Join(mount, "cgroup.controllers"))
		if errors.Is(err, fs.ErrNotExist) {
			continue // of v1
		}
		if err != nil {
			return nil, err
		}
		for _, controller := range strings.Fields(string(list)) {
			dir := filepath.Join(bundle.Scratch(), controller)
			if err := os.Mkdir(dir, 0o755); err != nil {
				return nil, err
			}
			if err := unix.Mount("cgroup", dir, "cgroup", 0, controller); err != nil {
				restore()
				return nil, fmt.Errorf("mounting the v1 hierarchy of %s: %w", controller, err)
			}
			added = append(added, dir)
		}
	}
	return restore, nil
}

// unmountIdle unmounts a v1 hierarchy, named as its controller, when the kernel
// has freed the cgroups that were removed from it: unmounted earlier, it would
// stay with the machine.
func unmountIdle(dir string) {
	bundle.RemoveCgroups(bundle.CgroupParent())
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		table, _ := os.ReadFile("/proc/cgroups")
		for line := range strings.Lines(string(table)) {
			if f := strings.Fields(line); len(f) == 4 && f[0] == filepath.Base(dir) && f[2] == "1" {
				unix.Unmount(dir, 0)
				return
			}
		}
	}
	fmt.Fprintf(os.Stderr, "bench: the v1 hierarchy at %s stays in use\n", dir)
	unix.Unmount(dir, unix.MNT_DETACH)
}
