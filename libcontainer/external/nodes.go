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
	null := node{path: filepath.Join(at, "null"), mode: unix.S_IFCHR | 0o666, number: unix.Mkdev(1, 3)}
	err = null.cover(os.DevNull, unix.MOUNT_ATTR_RDONLY)
	for i := range devices {
		if d := &devices[i]; d.Bound && err == nil {
			n := node{path: filepath.Join(at, strconv.Itoa(i))}
			n.mode, n.number, n.uid, n.gid = d.Node(s.Linux)
			err = n.cover(d.Path, 0)
		}
	}
	return err
}

// A node is a device node to be made.
type node struct {
	path     string
	mode     uint32 // type and permissions
	number   uint64
	uid, gid int
}

// cover makes the node, and a mount of it, with MOUNT_ATTR_* attributes, over what the
// host has at target, if there is something.
func (n *node) cover(target string, attributes uint64) error {
	err := errors.Join(unix.Mknod(n.path, n.mode, int(n.number)), unix.Chmod(n.path, n.mode&0o7777),
		unix.Chown(n.path, n.uid, n.gid))
	mount := -1
	if err == nil {
		mount, err = unix.OpenTree(unix.AT_FDCWD, n.path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
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
