package copyup

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// stat returns the attributes of what a descriptor, which may be an O_PATH one,
// refers to.
func stat(fd int) (attr unix.Statx_t, err error) {
	const mask = unix.STATX_BASIC_STATS | unix.STATX_BTIME | unix.STATX_MNT_ID
	err = kernel.Restart(func() error { return unix.Statx(fd, "", unix.AT_EMPTY_PATH, mask, &attr) })
	if err != nil {
		err = fmt.Errorf("statx: %w", err)
	}
	return attr, err
}

// setAttributes gives the open file or directory dst the attributes of src. The
// owner comes first, because chown takes the set-id bits and capabilities away,
// and the mode after the extended attributes, which need the right to write.
func setAttributes(src, dst int, attr *unix.Statx_t) error {
	if err := unix.Fchown(dst, int(attr.Uid), int(attr.Gid)); err != nil {
		return fmt.Errorf("setting the owner %d:%d: %w", attr.Uid, attr.Gid, err)
	}
	if err := copyXattrs(src, dst); err != nil {
		return err
	}
	if err := unix.Fchmod(dst, mode(attr)); err != nil {
		return fmt.Errorf("setting the mode %#o: %w", mode(attr), err)
	}
	return setTime(dst, "", attr)
}

// setNodeAttributes is the same for what cannot be opened, by its name in dir.
func setNodeAttributes(dir int, name string, attr *unix.Statx_t) error {
	if err := unix.Fchownat(dir, name, int(attr.Uid), int(attr.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("setting the owner %d:%d: %w", attr.Uid, attr.Gid, err)
	}
	if attr.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Fchmodat(dir, name, mode(attr), 0); err != nil {
			return fmt.Errorf("setting the mode %#o: %w", mode(attr), err)
		}
	}
	return setTime(dir, name, attr)
}

func mode(attr *unix.Statx_t) uint32 { return uint32(attr.Mode) &^ unix.S_IFMT }

// setTime sets the modification time of name in the directory at, or of at
// itself. The time of the last access does not matter and stays.
func setTime(at int, name string, attr *unix.Statx_t) error {
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, {}}
	times[1].Sec, times[1].Nsec = attr.Mtime.Sec, int64(attr.Mtime.Nsec)
	flags := unix.AT_SYMLINK_NOFOLLOW
	if name == "" {
		flags = unix.AT_EMPTY_PATH
	}
	return kernel.Failed("setting the time", unix.UtimesNanoAt(at, name, times, flags))
}

// copyXattrs copies the extended attributes that belong to the content:
// labels and access control lists of one filesystem mean nothing in another.
func copyXattrs(src, dst int) error {
	names, err := readXattr(func(b []byte) (int, error) { return unix.Flistxattr(src, b) })
	if err == unix.EOPNOTSUPP {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listing extended attributes: %w", err)
	}
	for name := range strings.SplitSeq(string(names), "\x00") {
		if name != "security.capability" && !strings.HasPrefix(name, "user.") {
			continue
		}
		if err := copyXattr(src, dst, name); err != nil {
			return fmt.Errorf("extended attribute %q: %w", name, err)
		}
	}
	return nil
}

func copyXattr(src, dst int, name string) error {
	value, err := readXattr(func(b []byte) (int, error) { return unix.Fgetxattr(src, name, b) })
	if err == unix.ENODATA { // removed meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	err = unix.Fsetxattr(dst, name, value, 0)
	if err == unix.EOPNOTSUPP || err == unix.EPERM {
		return nil
	}
	return err
}

// readXattr calls a function that fills a buffer, with one that is large
// enough. Lists and values have at most 64 KiB, xattr(7).
func readXattr(call func([]byte) (int, error)) ([]byte, error) {
	buf := make([]byte, 256)
	n, err := call(buf)
	if err == unix.ERANGE {
		buf = make([]byte, 64<<10)
		n, err = call(buf)
	}
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}
