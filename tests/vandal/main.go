// Command vandal tries to change each inode that it can reach in a container: below the
// root, and by the descriptors that it has. In the end it prints how many it has tried.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	tried := 0
	for fd := range 64 {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil {
			continue
		}
		tried++
		_ = unix.Fchmod(fd, 0o611)
		_ = unix.Fchown(fd, 4711, 4711)
		_ = unix.Futimes(fd, make([]unix.Timeval, 2))
		setxattrs(func(name string) error { return unix.Fsetxattr(fd, name, []byte("x"), 0) })
		_ = unix.Ftruncate(fd, st.Size)
		setFlags(fd)
		change("/proc/self/fd/"+strconv.Itoa(fd), &st)
	}
	_ = filepath.WalkDir("/", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case path == "/sys/devices" || path == "/sys/kernel" || path == "/sys/module":
			return fs.SkipDir // large, and the kernel's
		case d.IsDir() && strings.HasPrefix(path, "/proc/") && d.Name()[0] >= '0' && d.Name()[0] <= '9':
			return fs.SkipDir // processes
		}
		var st unix.Stat_t
		if unix.Lstat(path, &st) == nil && st.Mode&unix.S_IFMT != unix.S_IFLNK && !isKernels(path) {
			tried++
			change(path, &st)
		}
		return nil
	})
	report := fmt.Sprintf("tried %d\n", tried)
	_ = os.WriteFile("/tried", []byte(report), 0o644) // standard output may be /dev/null
	fmt.Print(report)
}

// isKernels reports whether a file is one of procfs itself. Its owner and mode are the
// same in every instance (proc_notify_change of fs/proc/generic.c), and whoever has
// CAP_CHOWN or CAP_FOWNER in the initial user namespace may change them, with every
// runtime: the tests would do it to the machine. What covers such a file is tried.
func isKernels(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Type == unix.PROC_SUPER_MAGIC
}

func change(path string, st *unix.Stat_t) {
	_ = unix.Chmod(path, 0o711)
	_ = unix.Chown(path, 4711, 4711)
	_ = unix.UtimesNanoAt(unix.AT_FDCWD, path, make([]unix.Timespec, 2), 0)
	setxattrs(func(name string) error { return unix.Setxattr(path, name, []byte("x"), 0) })
	_ = unix.Truncate(path, st.Size) // which changes the times, and breaks nothing
	if st.Mode&unix.S_IFMT == unix.S_IFBLK {
		return
	}
	if fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err == nil {
		setFlags(fd)
		unix.Close(fd)
	}
}

func setxattrs(set func(name string) error) {
	for _, name := range []string{"user.vandal", "trusted.vandal", "security.vandal"} {
		_ = set(name)
	}
}

// setFlags is chattr +A: what cannot be undone would be in the tests' way.
func setFlags(fd int) {
	const noAtime = 0x80 // FS_NOATIME_FL
	flags := uint32(noAtime)
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.FS_IOC_SETFLAGS, uintptr(unsafe.Pointer(&flags)))
}
