package logs

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Field is one more key of a log line. The keys that rung uses are step,
// syscall, errno, path, property and hint.
type Field struct{ Key, Value string }

// Detailed is implemented by errors that know more than their message says.
type Detailed interface {
	error
	Fields() []Field
}

// FieldsOf returns the fields of err: those of the first error in its tree
// that is Detailed, and what the errors of package os and an errno say, where
// that does not say it already.
func FieldsOf(err error) []Field {
	var fields []Field
	if d, ok := errors.AsType[Detailed](err); ok {
		fields = append(fields, d.Fields()...)
	}
	add := func(key, value string) {
		if value != "" && !slices.ContainsFunc(fields, func(f Field) bool { return f.Key == key }) {
			fields = append(fields, Field{key, value})
		}
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		add("syscall", pathErr.Op)
		add("path", pathErr.Path)
	} else if callErr, ok := errors.AsType[*os.SyscallError](err); ok {
		add("syscall", callErr.Syscall)
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		add("errno", unix.ErrnoName(errno))
	}
	return fields
}
