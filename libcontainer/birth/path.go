package birth

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// resolve opens a path of the container without leaving its root.
func (c *compiler) resolve(path string, flags, resolve uint64, into nsenter.Cell) nsenter.Call {
	if path = strings.TrimLeft(path, "/"); path == "" {
		path = "."
	}
	return c.Openat2(nsenter.Value(c.root), path, unix.OpenHow{
		Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | resolve,
	}).Into(into)
}

// ensureDirectory resolves a path, after making its missing directories. Where it may
// not be searched the program goes on at denied, if that is given.
func (c *compiler) ensureDirectory(path string, resolve uint64, into nsenter.Cell, denied ...nsenter.Target) {
	c.ensure(path, unix.S_IFDIR, unix.OpenHow{Resolve: resolve}, into, nil, denied...)
}

// ensureFile resolves a path, after making its missing directories and an empty file.
// What is there already may be of any type.
func (c *compiler) ensureFile(path string, into nsenter.Cell) {
	c.ensure(path, unix.S_IFREG, unix.OpenHow{}, into, nil)
}

// ensure resolves a path, without ".." in it. Of what is missing each component is made
// by its name alone, in a directory that was resolved for it: no call that makes
// something is given a path that symlinks of the image could lead out of the root.
// Where nothing was missing the steps of found come next.
func (c *compiler) ensure(path string, fileType uint32, how unix.OpenHow, into nsenter.Cell, found func(),
	denied ...nsenter.Target,
) {
	flags, resolve := unix.O_PATH|how.Flags, how.Resolve
	if fileType == unix.S_IFDIR {
		flags |= unix.O_DIRECTORY
	}
	missing, have := c.Target(), c.Target()
	look := c.resolve(path, flags, resolve, into).JumpOn(unix.ENOENT, missing)
	for _, t := range denied {
		look.JumpOn(unix.EACCES, t)
	}
	if found != nil {
		found()
	}
	c.Goto(have)
	c.Place(missing)
	names := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	for i, name := range names {
		parent := c.root
		if i > 0 {
			parent = c.parent
			c.resolve(strings.Join(names[:i], "/"), unix.O_PATH|unix.O_DIRECTORY, resolve, parent)
		}
		if i == len(names)-1 && fileType == unix.S_IFREG {
			c.Mknodat(nsenter.Value(parent), name, unix.S_IFREG|0o644, 0).Ignore(unix.EEXIST)
		} else {
			c.Mkdirat(nsenter.Value(parent), name, 0o755).Ignore(unix.EEXIST)
		}
		if i > 0 {
			c.close(parent)
		}
	}
	c.resolve(path, flags, resolve, into)
	c.Place(have)
}

// distinct are the paths of a list, clean, each once.
func distinct(paths []string) (list []string) {
	seen := map[string]bool{}
	for _, p := range paths {
		if p = path.Clean("/" + p); !seen[p] {
			seen[p] = true
			list = append(list, p)
		}
	}
	return list
}
