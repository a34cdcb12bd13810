package check

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/launch"
	"github.com/rung-oci/rung/libcontainer/userns"
	"github.com/rung-oci/rung/nsenter"
)

// mounts makes a tmpfs that is attached nowhere, in a mount namespace of its own.
func (m *Machine) mounts() []Finding {
	const name = "mount API"
	p := attempt(name)
	fs, tree := p.Cell("fs"), p.Cell("mount")
	p.Unshare(unix.CLONE_NEWNS)
	p.Fsopen("tmpfs").Into(fs)
	p.FsconfigCreate(nsenter.Value(fs))
	p.Fsmount(nsenter.Value(fs), 0).Into(tree)
	p.MountSetattr(nsenter.Value(tree), 0, unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	p.Openat2(nsenter.Value(tree), ".", unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT})
	p.OpenTree(nsenter.CWD, "/", unix.OPEN_TREE_CLONE)
	api := m.tried(p, name, "fsopen, fsconfig, fsmount, mount_setattr, openat2, open_tree", fail,
		"mounts need Linux 5.14 or newer, CAP_SYS_ADMIN, and no security policy that forbids the call named here")
	return []Finding{api, m.idMapped()}
}

func (m *Machine) idMapped() Finding {
	const name = "id-mapped mounts"
	dir := m.stateDir()
	err := m.IDMap(dir)
	switch {
	case err == nil:
		return ok(name, "the filesystem of "+dir+" can")
	case errors.Is(err, unix.EINVAL):
		return no(name, fmt.Sprintf("the filesystem of %s cannot: %v", dir, err),
			"keep what is to be mounted with mapped ids on ext4, xfs, btrfs or overlayfs, or on tmpfs from Linux "+
				"6.3 on")
	}
	return no(name, err.Error(), "they need CAP_SYS_ADMIN and user namespaces")
}

// tryIDMap clones the mount of a directory, attaches the clone nowhere, and maps
// its ids by a user namespace that only lives as long.
func tryIDMap(dir string) error {
	namespace, err := mappedNamespace()
	if err != nil {
		return err
	}
	defer unix.Close(namespace)
	tree, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return fmt.Errorf("open_tree: %w", err)
	}
	defer unix.Close(tree)
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(namespace)}
	return kernel.Failed("mount_setattr", unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, attr))
}

// mappedNamespace is a user namespace with ids.
func mappedNamespace() (fd int, err error) {
	p := attempt("making a user namespace")
	word := nsenter.Buffer(8)
	p.Unshare(unix.CLONE_NEWUSER)
	p.Write(nsenter.File(birth.FileSync), string(birth.TagMaps))
	p.Read(nsenter.File(birth.FileSync), word.At(0), 1) // until the other end is closed
	child := trial(p, launch.ImageDirs("/run")...)
	defer child.Close()
	if err := child.Start(); err != nil {
		return -1, err
	}
	defer child.Kill()
	if child.Converse(birth.TagMaps) != nil {
		return -1, fmt.Errorf("no user namespace was made: %w", unix.EPERM)
	}
	range65536 := []specs.LinuxIDMapping{{HostID: 100000, Size: 65536}}
	if err := errors.Join(userns.Users().Write(child.Pid, range65536),
		userns.Groups().Write(child.Pid, range65536)); err != nil {
		return -1, err
	}
	fd, err = unix.Open(fmt.Sprintf("/proc/%d/ns/user", child.Pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	return fd, kernel.Failed("ns/user", err)
}
