package logs

import (
	"errors"
	"io/fs"
	"os"
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
	var d Detailed
	if errors.As(err, &d) {
		fields = append(fields, d.Fields()...)
	}
	add := func(key, value string) {
		for _, f := range fields {
			if f.Key == key {
				return
			}
		}
		if value != "" {
			fields = append(fields, Field{key, value})
		}
	}
	var pathErr *fs.PathError
	var callErr *os.SyscallError
	if errors.As(err, &pathErr) {
		add("syscall", pathErr.Op)
		add("path", pathErr.Path)
	} else if errors.As(err, &callErr) {
		add("syscall", callErr.Syscall)
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		add("errno", unix.ErrnoName(errno))
	}
	return fields
}
