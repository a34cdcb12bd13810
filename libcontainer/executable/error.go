package executable

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/logs"
)

// An Error says why execve(2) would fail. Its text begins as that of runc does,
// whose words container engines match (`exec: "name": executable file not found
// in $PATH`).
type Error struct {
	Args0  string     // what was to be executed
	Path   string     // the file at fault: the program, its interpreter or its loader
	Errno  unix.Errno // what execve would return, or EISDIR for a directory
	Reason string     // in a few words; contains the text of Errno
	Hint   string     // what to look at, or ""
}

// Error returns the text without the hint.
func (e *Error) Error() string { return fmt.Sprintf("exec: %q: %s", e.Args0, e.Reason) }

// Fields are the keys path and hint for the log.
func (e *Error) Fields() []logs.Field {
	fields := []logs.Field{{Key: "errno", Value: unix.ErrnoName(e.Errno)}, {Key: "path", Value: e.Path}}
	if e.Hint != "" {
		fields = append(fields, logs.Field{Key: "hint", Value: e.Hint})
	}
	return fields
}

// Unwrap returns the errno.
func (e *Error) Unwrap() error { return e.Errno }

// explain makes an Error of what check returned for a path given with a slash.
func (f *Finder) explain(args0, path string, err error) error {
	errno, ok := errors.AsType[unix.Errno](err)
	if !ok || errors.Is(err, ErrBehindMount) {
		return err
	}
	reason := fmt.Sprintf("stat %s: %s", path, errno)
	if u, ok := errors.AsType[*unfit](err); ok {
		reason = u.Error()
	}
	return &Error{Args0: args0, Path: path, Errno: errno, Reason: reason, Hint: hintFor(err)}
}

func hintFor(err error) string {
	if u, ok := errors.AsType[*unfit](err); ok {
		return u.hint
	}
	switch {
	case errors.Is(err, unix.ENOENT):
		return "the rootfs does not have it"
	case errors.Is(err, unix.ENOTDIR):
		return "a part of the path is a file"
	case errors.Is(err, unix.ELOOP):
		return "symbolic links of the path lead back to themselves"
	}
	return err.Error()
}
