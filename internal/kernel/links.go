package kernel

import (
	"errors"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is the kernel's MAXSYMLINKS.
const maxLinks = 40

// maxParts is how many components of a path are looked up. The symbolic links that the kernel
// follows could have 80,000, each looked up from the root again: seconds for each path.
const maxParts = 256

// ErrTooManyParts is the error of [FollowLinks] about a path whose end was not looked for.
var ErrTooManyParts = errors.New("the path has too many components")

// FollowLinks goes along a path, component by component, as text, and returns where it leads
// to: without symbolic links, "" for the root. readlink returns the target of a symbolic
// link, "" for any other file; the path to it has none, and rest follows it. An error of
// its ends the way.
func FollowLinks(name string, readlink func(at, rest string) (string, error)) (at string, err error) {
	rest, links := name, 0
	for parts := 0; rest != ""; parts++ {
		if parts > maxParts {
			return "", ErrTooManyParts
		}
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		switch part {
		case "", ".":
			continue
		case "..":
			at = strings.TrimSuffix(path.Dir("/"+at), "/")
			continue
		}
		target, err := readlink(at+"/"+part, rest)
		if err != nil {
			return "", err
		}
		if target == "" {
			at += "/" + part
			continue
		}
		if links++; links > maxLinks {
			return "", unix.ELOOP
		}
		if strings.HasPrefix(target, "/") {
			at = ""
		}
		rest = target + "/" + rest
	}
	return at, nil
}

// ReadlinkInRoot returns the target of a symbolic link below a root, or "" for any other
// file. The path to it has no symbolic links.
func ReadlinkInRoot(root int, path string) (string, error) {
	fd, err := OpenInRoot(root, path, unix.O_PATH|unix.O_NOFOLLOW, unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil { // ENOENT: not a link
		return "", nil
	}
	return string(buf[:n]), nil
}
