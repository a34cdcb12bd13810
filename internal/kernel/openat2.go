package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lookups is how often a path is looked up before EAGAIN is an error. openat2(2)
// cannot go through ".." safely while anything on the machine is renamed or mounted: who
// renames without a pause could otherwise hold up the caller for ever.
const lookups = 128

// Openat2 opens a path, close-on-exec, and looks it up again when the kernel could not
// do so safely: openat2(2), EAGAIN.
func Openat2(dir int, path string, how unix.OpenHow) (int, error) {
	how.Flags |= unix.O_CLOEXEC
	for try := 1; ; try++ {
		fd, err := RestartInt(func() (int, error) { return unix.Openat2(dir, path, &how) })
		if err != unix.EAGAIN || try == lookups {
			return fd, err
		}
	}
}

// OpenInRoot opens a path below a root as a process would whose root directory it is:
// neither "..", nor symbolic links, nor the links of procfs lead out of it
// (RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS). resolve are further restrictions. The
// root's descriptor may be an O_PATH one.
//
// What is opened without O_PATH may be a FIFO or a device, which is not without effect: see
// [OpenRegular].
func OpenInRoot(root int, path string, flags, resolve uint64) (int, error) {
	if path = strings.TrimLeft(path, "/"); path == "" {
		path = "."
	}
	resolve |= unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS
	return Openat2(root, path, unix.OpenHow{Flags: flags, Resolve: resolve})
}

// OpenRegular opens a regular file below a root for reading, and nothing else: the
// error for another kind of file is a [*NotRegularError].
//
// Whoever controls the root may put a device, a FIFO or a link there, at any moment.
// So the path is looked up once, with O_PATH, which opens nothing; what it has led to
// is looked at, and that very file opened then.
func OpenRegular(root int, path string) (int, error) {
	at, err := OpenInRoot(root, path, unix.O_PATH, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(at)
	return ReopenRegular(at)
}

// ReopenRegular opens for reading what an O_PATH descriptor points to, if that is a
// regular file.
func ReopenRegular(at int) (int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil {
		return -1, err
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFREG {
		return -1, &NotRegularError{kind}
	}
	// O_NONBLOCK: a lease would be waited for, fcntl(2)
	return RestartInt(func() (int, error) {
		return unix.Open(ProcPath(at), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	})
}

// ProcPath is a path of what a descriptor of this process points to, whatever its name
// has become: proc_pid_fd(5). It is short enough for the address of a socket, unix(7).
func ProcPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// A NotRegularError is about a file that is not regular.
type NotRegularError struct {
	Kind uint32 // S_IFDIR, S_IFIFO …
}

func (e *NotRegularError) Error() string {
	return fmt.Sprintf("is %s, not a regular file", kindName(e.Kind))
}

func kindName(kind uint32) string {
	switch kind {
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFIFO:
		return "a FIFO"
	case unix.S_IFSOCK:
		return "a socket"
	case unix.S_IFLNK:
		return "a symbolic link"
	}
	return "a device"
}
