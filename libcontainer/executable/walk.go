package executable

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// A place is an open file of the rootfs.
type place struct {
	fd   int    // O_PATH
	path string // absolute, without symbolic links; "" is the root
	stat unix.Stat_t
}

// walk opens a file, relative to the working directory if it is relative. It
// follows symbolic links as the container would and fails with an errno, or with
// ErrBehindMount as soon as a mount has a part in the path.
func (f *Finder) walk(name string) (place, error) {
	f.resolveMounts()
	if !strings.HasPrefix(name, "/") {
		name = f.Cwd + "/" + name
	}
	// Without links the path is what it looks like. This is the common case.
	fd, err := kernel.OpenInRoot(f.Root, name, unix.O_PATH, unix.RESOLVE_NO_SYMLINKS)
	if err == unix.ELOOP {
		return f.walkLinks(name)
	}
	clean := strings.TrimSuffix(path.Clean(name), "/")
	if f.behindMount(clean) {
		if err == nil {
			unix.Close(fd)
		}
		return place{}, ErrBehindMount
	}
	if err != nil {
		return place{}, err
	}
	return stat(fd, clean)
}

// walkLinks is walk for paths with symbolic links.
func (f *Finder) walkLinks(name string) (place, error) {
	at, err := f.follow(name, false)
	if err == kernel.ErrTooManyParts {
		return place{}, errLong
	}
	if err != nil {
		return place{}, err
	}
	if strings.HasSuffix(name, "/") {
		at += "/" // must be a directory
	}
	fd, err := kernel.OpenInRoot(f.Root, at, unix.O_PATH, unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return place{}, err
	}
	return stat(fd, strings.TrimSuffix(at, "/"))
}

// follow goes along a path, component by component, and returns where it leads
// to. missing says that the rest after a component that is not there counts as
// if it had been made.
func (f *Finder) follow(name string, missing bool) (at string, err error) {
	return kernel.FollowLinks(name, func(at, rest string) (string, error) {
		if f.behindMount(at) {
			return "", ErrBehindMount
		}
		target, err := kernel.ReadlinkInRoot(f.Root, at)
		if err == unix.ENOENT && f.behindMount(path.Join(at, rest)) {
			return "", ErrBehindMount
		}
		if err == unix.ENOENT && missing {
			return "", nil
		}
		return target, err
	})
}

func stat(fd int, name string) (place, error) {
	at := place{fd: fd, path: name}
	if err := unix.Fstat(fd, &at.stat); err != nil {
		unix.Close(fd)
		return place{}, err
	}
	return at, nil
}

// behindMount reports whether a path without symbolic links is a mount's destination
// or below one.
func (f *Finder) behindMount(name string) bool {
	for len(f.mounts) > 0 {
		if f.mounts[name] {
			return true
		}
		end := strings.LastIndexByte(name, '/')
		if end < 0 {
			return f.everywhere
		}
		name = name[:end]
	}
	return f.everywhere
}

// resolveMounts finds where the destinations are when symbolic links of the
// rootfs are followed, once. A destination below another mount adds nothing, and
// one that cannot be resolved will not be mounted on either.
func (f *Finder) resolveMounts() {
	if f.resolved {
		return
	}
	f.resolved, f.mounts = true, make(map[string]bool, len(f.Mounts))
	for _, m := range f.Mounts {
		clean := strings.TrimSuffix(path.Clean("/"+m), "/")
		if f.behindMount(clean) {
			continue
		}
		fd, err := kernel.OpenInRoot(f.Root, clean, unix.O_PATH, unix.RESOLVE_NO_SYMLINKS)
		switch err {
		case nil:
			unix.Close(fd)
		case unix.ELOOP:
			if clean, err = f.follow(clean, true); err != nil {
				f.everywhere = f.everywhere || err == kernel.ErrTooManyParts
				continue
			}
		}
		f.mounts[clean] = true
	}
}
