package birth

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

const howSize = 24 // of struct open_how

// resolve opens a path of the container without leaving its root. A rename or
// mount somewhere on the machine makes openat2 ask for another try.
func (c *compiler) resolve(path string, flags, resolve uint64, into nsenter.Cell) nsenter.Call {
	return c.Call(unix.SYS_OPENAT2, nsenter.Value(c.root), c.String(Relative(path)),
		nsenter.Words(flags|unix.O_CLOEXEC, 0, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS|resolve),
		nsenter.Int(howSize)).Into(into).RepeatOn(unix.EAGAIN, 128)
}

// Relative is a path of the container, Relative to its root.
func Relative(path string) string {
	if path = strings.TrimLeft(path, "/"); path == "" {
		return "."
	}
	return path
}

// ensure resolves a path, after making its missing directories and, if file is
// set, an empty file at its end. The result is in $target. Where the path may not be
// searched the program goes on at denied, if that is given.
func (c *compiler) ensure(path string, file bool, resolve uint64, denied ...nsenter.Target) error {
	parts, err := Components(path)
	if err != nil {
		return err
	}
	flags := uint64(unix.O_PATH | unix.O_DIRECTORY)
	if file {
		flags = unix.O_PATH
	}
	missing, have := c.Target(), c.Target()
	look := c.resolve(path, flags, resolve, c.target).JumpOn(unix.ENOENT, missing)
	for _, t := range denied {
		look.JumpOn(unix.EACCES, t)
	}
	c.Goto(have)
	c.Place(missing)
	for i, name := range parts {
		parent := c.root
		if i > 0 {
			parent = c.parent
			c.resolve(strings.Join(parts[:i], "/"), unix.O_PATH|unix.O_DIRECTORY, resolve, parent)
		}
		if last := i == len(parts)-1; last && file {
			c.Call(unix.SYS_MKNODAT, nsenter.Value(parent), c.String(name), nsenter.Int(unix.S_IFREG|0o644), nsenter.Int(0)).Ignore(unix.EEXIST)
		} else {
			c.Call(unix.SYS_MKDIRAT, nsenter.Value(parent), c.String(name), nsenter.Int(0o755)).Ignore(unix.EEXIST)
		}
		if i > 0 {
			c.close(parent)
		}
	}
	c.resolve(path, flags, resolve, c.target)
	c.Place(have)
	return nil
}

var errDotDot = errors.New("must not contain a parent directory (..)")

// Components splits a path of the container; "." and empty parts are dropped.
// ".." is refused, because its meaning would depend on symlinks in the image.
func Components(path string) ([]string, error) {
	var parts []string
	for part := range strings.SplitSeq(path, "/") {
		switch part {
		case "", ".":
		case "..":
			return nil, fmt.Errorf("path %s: %w", path, errDotDot)
		default:
			parts = append(parts, part)
		}
	}
	return parts, nil
}

// Offsets in struct statx, for loads of eight bytes.
const (
	statxGidMode = 24 // gid, then the mode in bits 32 to 47
	statxMode    = 28
	statxRdev    = 128 // major, then minor
	modeShift    = 32
	statxSize    = 256
)

// statx looks at what a descriptor or a name in a directory is.
func (c *compiler) statx(dir nsenter.Cell, name string) {
	c.Call(unix.SYS_STATX, nsenter.Value(dir), c.String(name),
		nsenter.Int(unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW), nsenter.Int(unix.STATX_BASIC_STATS), nsenter.Address(c.stat.At(0)))
}

// jumpIfDir goes to t if the last statx saw a directory.
func (c *compiler) jumpIfDir(t nsenter.Target) {
	c.JumpIf(nsenter.Load(c.stat.At(statxGidMode)), unix.S_IFMT<<modeShift, unix.S_IFDIR<<modeShift, t)
}
