package copyup

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// copy copies one entry of the directory src to the directory dst. A directory
// is entered.
func (w *walk) copy(src, dst int, name string) error {
	at, mounted, err := openEntry(src, name)
	if err == unix.ENOENT {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(at)
	attr, err := stat(at)
	if err != nil {
		return err
	}
	kind := attr.Mode & unix.S_IFMT
	switch {
	case mounted && kind == unix.S_IFDIR:
		return copyMountPoint(dst, name, &attr)
	case mounted || kind == unix.S_IFSOCK:
		return nil
	case kind == unix.S_IFDIR:
		made, err := makeDirectory(dst, name)
		if err != nil {
			return err
		}
		return w.enter(name, at, made)
	case kind == unix.S_IFREG:
		return copyFile(at, dst, name, &attr)
	case kind == unix.S_IFLNK:
		return copyLink(at, dst, name, &attr)
	}
	return copyNode(dst, name, &attr)
}

// openEntry opens an entry of a directory only to point to it, and tells
// whether it is a mount of its own.
func openEntry(dir int, name string) (fd int, mounted bool, err error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW, Resolve: unix.RESOLVE_NO_XDEV}
	for {
		fd, err = kernel.Openat2(dir, name, how)
		if err != unix.EXDEV || mounted {
			return fd, mounted, err
		}
		mounted, how.Resolve = true, 0
	}
}

func openDirectory(at int, name string) (int, error) {
	return kernel.RestartInt(func() (int, error) {
		return unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
}

// entries returns the names in an open directory.
func entries(dir int) (names []string, err error) {
	buf := make([]byte, 32<<10)
	for {
		n, err := kernel.RestartInt(func() (int, error) { return unix.ReadDirent(dir, buf) })
		if err != nil {
			return nil, fmt.Errorf("reading the directory: %w", err)
		}
		if n == 0 {
			return names, nil
		}
		_, _, names = unix.ParseDirent(buf[:n], math.MaxInt, names)
	}
}

func makeDirectory(dir int, name string) (int, error) {
	if err := unix.Mkdirat(dir, name, 0o700); err != nil {
		return -1, fmt.Errorf("mkdir: %w", err)
	}
	return openDirectory(dir, name)
}

func copyMountPoint(dir int, name string, attr *unix.Statx_t) error {
	if err := unix.Mkdirat(dir, name, 0o700); err != nil {
		return fmt.Errorf("mkdir: %w", err)
	}
	return setNodeAttributes(dir, name, attr)
}

// copyLink copies a symbolic link, of which at is an O_PATH descriptor.
func copyLink(at, dir int, name string, attr *unix.Statx_t) error {
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(at, "", target)
	if err != nil {
		return fmt.Errorf("readlink: %w", err)
	}
	if err := unix.Symlinkat(string(target[:n]), dir, name); err != nil {
		return fmt.Errorf("symlink: %w", err)
	}
	return setNodeAttributes(dir, name, attr)
}

// copyNode copies a fifo or a device.
func copyNode(dir int, name string, attr *unix.Statx_t) error {
	dev := unix.Mkdev(attr.Rdev_major, attr.Rdev_minor)
	if err := unix.Mknodat(dir, name, uint32(attr.Mode&unix.S_IFMT)|0o600, int(dev)); err != nil {
		return fmt.Errorf("mknod: %w", err)
	}
	return setNodeAttributes(dir, name, attr)
}

// copyFile copies a regular file, of which at is an O_PATH descriptor.
func copyFile(at, dir int, name string, attr *unix.Statx_t) error {
	// by descriptor and not by name, which may have become that of a device
	src, err := kernel.ReopenRegular(at)
	if err != nil {
		return err
	}
	defer unix.Close(src)
	dst, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("creating the copy: %w", err)
	}
	defer unix.Close(dst)
	if err := copyData(src, dst, int64(attr.Size)); err != nil {
		return err
	}
	return setAttributes(src, dst, attr)
}
