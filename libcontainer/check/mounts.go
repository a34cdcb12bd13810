package check

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

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
	p.Openat2(nsenter.Value(tree), ".", unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT})
	p.OpenTree(nsenter.CWD, "/", unix.OPEN_TREE_CLONE)
	var list []Finding
	if err := m.Try(p); err != nil {
		list = append(list, fail(name, err.Error(), "mounts need Linux 5.14 or newer, CAP_SYS_ADMIN, and no security policy that forbids the call named here"))
	} else {
		list = append(list, ok(name, "fsopen, fsconfig, fsmount, mount_setattr, openat2, open_tree"))
	}
	return append(list, m.idMapped())
}

func (m *Machine) idMapped() Finding {
	const name = "id-mapped mounts"
	dir := m.stateDir()
	err := m.IDMap(dir)
	switch {
	case err == nil:
		return ok(name, "the filesystem of "+dir+" can")
	case errors.Is(err, unix.EINVAL):
		return no(name, fmt.Sprintf("the filesystem of %s cannot: %v", dir, err), "keep what is to be mounted with mapped ids on ext4, xfs, btrfs or overlayfs, or on tmpfs from Linux 6.3 on")
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
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(namespace)}); err != nil {
		return fmt.Errorf("mount_setattr: %w", err)
	}
	return nil
}

// mappedNamespace is a user namespace with ids.
func mappedNamespace() (fd int, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socketpair: %w", err)
	}
	defer unix.Close(pair[0])
	p := nsenter.New()
	p.Label("making a user namespace")
	word := nsenter.Buffer(8)
	p.Unshare(unix.CLONE_NEWUSER)
	p.Write(nsenter.File(fileSync), "u")
	p.Read(nsenter.File(fileSync), word.At(0), 1) // until the other end is closed
	child, err := launch(p, map[string]int{fileSync: pair[1]}, imageDirs("/run")...)
	unix.Close(pair[1])
	if err != nil {
		return -1, err
	}
	defer wait(child)
	defer unix.Shutdown(pair[0], unix.SHUT_RDWR)
	if n, err := unix.Read(pair[0], make([]byte, 1)); err != nil || n != 1 {
		return -1, fmt.Errorf("no user namespace was made: %w", unix.EPERM)
	}
	proc := fmt.Sprintf("/proc/%d/", child.Pid)
	for _, file := range [...]string{"uid_map", "gid_map"} {
		f, err := unix.Open(proc+file, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, fmt.Errorf("%s: %w", file, err)
		}
		_, err = unix.Write(f, []byte("0 100000 65536"))
		unix.Close(f)
		if err != nil {
			return -1, fmt.Errorf("%s: %w", file, err)
		}
	}
	fd, err = unix.Open(proc+"ns/user", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("ns/user: %w", err)
	}
	return fd, nil
}
