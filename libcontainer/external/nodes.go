package external

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/store"
)

// CoverNodes covers, in this thread's mount namespace, the host's nodes that CRIU clones by
// new ones, of devices that are bound and of what hides masked files: the host's are
// not the container's to change. Their filesystem is made on dir, and has no attributes:
// within a user namespace CRIU could not clear any. What masks is read-only, because
// CRIU gives only the first of several mounts of a node the attributes that were saved.
func CoverNodes(s *specs.Spec, mounts []birth.Mount, dir *store.Dir) error {
	devices, err := birth.Devices(s, mounts)
	if err != nil {
		return err
	}
	at := dir.Path()
	if err := unix.Mount("tmpfs", at, "tmpfs", 0, "mode=0700"); err != nil {
		return fmt.Errorf("a filesystem for device nodes: %w", err)
	}
	defer unix.Unmount(at, unix.MNT_DETACH)
	null := filepath.Join(at, "null")
	err = cover(os.DevNull, null, unix.MOUNT_ATTR_RDONLY, unix.S_IFCHR|0o666, unix.Mkdev(1, 3), 0, 0)
	for i := range devices {
		if d := &devices[i]; d.Bound && err == nil {
			mode, number, uid, gid := d.Node(s.Linux)
			err = cover(d.Path, filepath.Join(at, strconv.Itoa(i)), 0, mode, number, uid, gid)
		}
	}
	return err
}

// cover makes a node, and a mount of it over what the host has there, if there is something.
func cover(target, node string, attributes uint64, mode uint32, number uint64, uid, gid int) error {
	err := errors.Join(unix.Mknod(node, mode, int(number)), unix.Chmod(node, mode&0o7777), unix.Chown(node, uid, gid))
	mount := -1
	if err == nil {
		mount, err = unix.OpenTree(unix.AT_FDCWD, node, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	}
	if err == nil {
		defer unix.Close(mount)
		err = unix.MountSetattr(mount, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: attributes})
	}
	if err == nil {
		const flags = unix.MOVE_MOUNT_F_EMPTY_PATH | unix.MOVE_MOUNT_T_SYMLINKS
		err = unix.MoveMount(mount, "", unix.AT_FDCWD, target, flags)
	}
	if err != nil && err != unix.ENOENT { // which CRIU will tell
		return fmt.Errorf("covering the host's %s: %w", target, err)
	}
	return nil
}
