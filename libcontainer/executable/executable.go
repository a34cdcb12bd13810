// Package executable finds out, before a container exists, what execve(2) will
// execute for process.args[0], and why it cannot.
//
// It looks into the rootfs as it is on the host, through a descriptor, and only
// with openat2(2) and RESOLVE_IN_ROOT. Mounts of the container are not there
// yet: where one could decide the answer, it is ErrBehindMount.
package executable

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// ErrBehindMount says that the answer depends on a mount of the container. It
// is no failure: only the container itself can tell.
var ErrBehindMount = errors.New("the file is behind a mount of the container")

// errLong is ErrBehindMount about a path whose end was not looked for.
var errLong = fmt.Errorf("%w: its path has too many components to tell", ErrBehindMount)

// A Finder looks for executables in a rootfs.
type Finder struct {
	// Root is a descriptor (O_PATH will do) of the rootfs.
	Root int

	// Mounts are the destinations of the container's mounts, absolute paths in
	// the container.
	Mounts []string

	// Path is the container's PATH. Without one nothing is found by its name
	// alone, as in runc and crun.
	Path string

	// Cwd is the absolute working directory in the container.
	Cwd string

	// Override says that the process has CAP_DAC_OVERRIDE, for which a file is
	// executable when any of its execute bits is set. It is also to be set
	// when the owners of files cannot be compared with UID and GIDs because a
	// user namespace maps them.
	Override bool

	// UID and GIDs are the process's user and groups as the rootfs has them.
	UID  uint32
	GIDs []uint32

	found, foundAt string // by check: a name, and the path without symbolic links that it leads to

	mounts     map[string]bool // canonical
	resolved   bool            // mounts are
	everywhere bool            // one of them may be anywhere
}

// Candidates returns the paths at which args0 may be, in the order in which
// execvp(3) tries them: itself when it has a slash, else one for each element of
// PATH, where an empty element is the working directory. Relative ones are
// completed with cwd.
func Candidates(args0, path, cwd string) []string {
	switch {
	case args0 == "":
		return nil
	case strings.Contains(args0, "/"):
		return []string{args0}
	case path == "":
		return nil
	}
	var out []string
	for dir := range strings.SplitSeq(path, ":") {
		if !strings.HasPrefix(dir, "/") {
			dir = strings.TrimSuffix(cwd, "/") + "/" + dir
		}
		out = append(out, strings.TrimSuffix(dir, "/")+"/"+args0)
	}
	return out
}

// Find returns what to give to execve for args0: args0 when it has a slash,
// else an absolute path. The error is ErrBehindMount or an *Error.
func (f *Finder) Find(args0 string) (resolved string, err error) {
	if strings.Contains(args0, "/") {
		if err := f.check(args0); err != nil {
			return "", f.explain(args0, args0, err)
		}
		return args0, nil
	}
	hint := "no directory of PATH has it"
	if f.Path == "" {
		hint = "process.env has no PATH, or an empty one"
	}
	unusable := false
	for _, candidate := range Candidates(args0, f.Path, f.Cwd) {
		err := f.check(candidate)
		if err == nil {
			return candidate, nil
		}
		if errors.Is(err, ErrBehindMount) {
			return "", err
		}
		if !unusable && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
			hint, unusable = candidate+": "+hintFor(err), true
		}
	}
	return "", &Error{Args0: args0, Path: args0, Errno: unix.ENOENT, Reason: "executable file not found in $PATH",
		Hint: hint}
}

// check says whether execve would accept a file before it looks at its
// contents: nil, ErrBehindMount, an errno or an unfit.
func (f *Finder) check(name string) error {
	at, err := f.walk(name)
	if err != nil {
		return err
	}
	defer unix.Close(at.fd)
	f.found, f.foundAt = name, at.path
	return f.fit(at)
}

// unfit is a file that is there but is none to execute.
type unfit struct {
	errno unix.Errno
	hint  string
}

// Error says of a directory what execve(2) says of it, by which podman knows that exec has to exit
// with 126, and ends with what it is, as with runc.
func (u *unfit) Error() string {
	if u.errno == unix.EISDIR {
		return unix.EACCES.Error() + ": " + u.errno.Error()
	}
	return u.errno.Error()
}

func (u *unfit) Unwrap() error { return u.errno }

func (f *Finder) fit(at place) error {
	switch at.stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if !f.executable(at) {
			return &unfit{unix.EACCES, "its mode does not let the process execute it"}
		}
		return nil
	case unix.S_IFDIR:
		return &unfit{unix.EISDIR, "it is a directory"}
	}
	return &unfit{unix.EACCES, "it is not a regular file"}
}

// executable judges the mode bits.
func (f *Finder) executable(at place) bool {
	const any = unix.S_IXUSR | unix.S_IXGRP | unix.S_IXOTH
	mode := at.stat.Mode
	switch {
	case mode&any == 0:
		return false
	case f.Override || mode&any == any:
		return true
	case at.stat.Uid == f.UID:
		mode &= unix.S_IXUSR
	case slices.Contains(f.GIDs, at.stat.Gid):
		mode &= unix.S_IXGRP
	default:
		mode &= unix.S_IXOTH
	}
	return mode&any != 0 || f.hasACL(at)
}

// hasACL reports whether more than the mode bits decides.
func (f *Finder) hasACL(at place) bool {
	fd, err := kernel.ReopenRegular(at.fd)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	n, err := unix.Fgetxattr(fd, "system.posix_acl_access", nil)
	return err == nil && n > 0
}
