// Package copyup fills a new tmpfs with what the directory below it holds, the
// mount option tmpcopyup.
//
// The directory is in the root filesystem of a container, whose maker may be
// hostile and may change it during the copy. So nothing is ever looked up but
// a single name in a directory that is open, no symbolic link is followed, and
// only what has been seen to be a regular file or a directory is opened.
package copyup

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// Copy copies the content of the directory from to the directory to, and the
// owner, mode and modification time of from itself. Both are descriptors and
// may be O_PATH ones; they stay open. The directory to is empty and out of the
// reach of others.
//
// Directories, regular files, symbolic links, fifos and devices are copied with
// owner, mode and modification time; files and directories also with the
// extended attributes user.* and security.capability, as far as the caller may
// set them and the filesystem to has them. A file with several names becomes
// several files, holes stay holes, sockets are left out, and so is what
// disappears during the copy. A directory on which something else is mounted
// becomes an empty one, another thing that is mounted over is left out.
//
// An error names the file, relative to from and quoted. What has been copied
// up to then stays.
func Copy(from, to int) error {
	w := &walk{}
	defer w.close()
	err := w.tree(from, to)
	return kernel.Failed(fmt.Sprintf("copying up %q", w.path()), err)
}

// window is how many directories of the path to the present one are held open,
// on each side. Nesting is limited by nothing else, descriptors are.
const window = 16

// errMoved is the error of a directory that is not where it was.
var errMoved = errors.New("a directory was moved while it was copied")

// A walk is a traversal, depth first. Its stack is the path to the present
// directory; the last ones, up to window, are open.
type walk struct {
	stack []directory
	entry string // what is being copied from the last directory
}

// A directory is one that is being copied.
type directory struct {
	name     string
	src, dst int
	open     bool
	attr     unix.Statx_t
	entries  []string // what has still to be copied
}

func (d *directory) close() {
	if d.open {
		unix.Close(d.src)
		unix.Close(d.dst)
		d.open = false
	}
}

func (w *walk) close() {
	for i := range w.stack {
		w.stack[i].close()
	}
}

// path is the path of what is being copied, of a long one the end.
func (w *walk) path() string {
	var names []string
	for i := range w.stack {
		names = append(names, w.stack[i].name)
	}
	path := strings.Join(append(names, w.entry), "/")
	path = strings.Trim(path, "/")
	if path == "" {
		return "."
	}
	if cut := len(path) - unix.PathMax; cut > 0 {
		return "…" + path[cut:]
	}
	return path
}

func (w *walk) tree(from, to int) error {
	dst, err := openDirectory(to, ".")
	if err != nil {
		return fmt.Errorf("opening the copy: %w", err)
	}
	if err := w.enter("", from, dst); err != nil {
		return err
	}
	for len(w.stack) > 0 {
		d := &w.stack[len(w.stack)-1]
		if len(d.entries) == 0 {
			err = w.leave()
		} else {
			w.entry, d.entries = d.entries[0], d.entries[1:]
			err = w.copy(d.src, d.dst, w.entry)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enter puts a directory on the stack: at is a descriptor of it that stays the
// caller's, dst one of its copy that becomes the walk's.
func (w *walk) enter(name string, at, dst int) error {
	src, err := openDirectory(at, ".")
	if err != nil {
		unix.Close(dst)
		return err
	}
	d := directory{name: name, src: src, dst: dst, open: true}
	d.attr, err = stat(src)
	if err == nil {
		d.entries, err = entries(src)
	}
	if err != nil {
		d.close()
		return err
	}
	w.stack = append(w.stack, d)
	w.entry = ""
	if out := len(w.stack) - 1 - window; out >= 0 {
		w.stack[out].close()
	}
	return nil
}

// leave finishes the last directory and takes it off the stack.
func (w *walk) leave() error {
	last := len(w.stack) - 1
	d := &w.stack[last]
	w.entry = ""
	if last > 0 && !w.stack[last-1].open {
		// Before the copy gets its mode, which may shut us out.
		if err := w.stack[last-1].reopen(d); err != nil {
			return err
		}
	}
	if err := setAttributes(d.src, d.dst, &d.attr); err != nil {
		return err
	}
	d.close()
	w.stack = w.stack[:last]
	return nil
}

// reopen opens a directory again as the parent of one in it. That may have been
// moved out of the tree meanwhile, but then has another parent. The copies are
// nobody else's and stay where they are.
func (d *directory) reopen(child *directory) error {
	src, err := openDirectory(child.src, "..")
	if err != nil {
		return fmt.Errorf("parent: %w", err)
	}
	attr, err := stat(src)
	if err == nil && !sameFile(&attr, &d.attr) {
		err = errMoved
	}
	if err != nil {
		unix.Close(src)
		return err
	}
	dst, err := openDirectory(child.dst, "..")
	if err != nil {
		unix.Close(src)
		return fmt.Errorf("parent of the copy: %w", err)
	}
	d.src, d.dst, d.open = src, dst, true
	return nil
}

// sameFile reports whether two files are the same. An inode number may be used
// again, but not with the same time of birth.
func sameFile(a, b *unix.Statx_t) bool {
	return a.Ino == b.Ino && a.Dev_major == b.Dev_major && a.Dev_minor == b.Dev_minor &&
		a.Mnt_id == b.Mnt_id && a.Btime == b.Btime
}
