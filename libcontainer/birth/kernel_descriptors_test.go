package birth

import (
	"maps"
	"math"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const readonlyMount = "fsmount, read-only"

// descriptors tells which arguments of a call are descriptors.
func descriptors(name string) []int {
	switch name {
	case "symlinkat":
		return []int{1}
	case "move_mount":
		return []int{0, 2}
	case "accept4", "close", "dup3", "fchdir", "fchmodat", "fchown", "fchownat", "fcntl", "fsconfig", "fsmount",
		"fspick", "fstatfs", "ioctl", "mkdirat", "mknodat", "mount_setattr", "open_tree", "openat", "openat2", "read",
		"recvmsg", "sendmsg", "setns", "statx", "unlinkat", "write":
		return []int{0}
	}
	return nil
}

// file is an open descriptor.
type file struct {
	what  string
	kept  bool // not close-on-exec
	mount *fakeMount
}

// give opens the descriptors that a program starts with: the standard streams, those of
// the launcher, and whatever else the caller has.
func (k *fakeKernel) give(files map[string]int) {
	k.fds = map[uint64]file{}
	for fd, name := range []string{"stdin", "stdout", "stderr"} {
		k.fds[uint64(fd)] = file{what: name, kept: true}
	}
	for _, fd := range k.inherited {
		k.fds[fd] = file{what: "<inherited>", kept: true}
	}
	for name, fd := range files {
		k.fds[uint64(fd)] = file{what: "<" + name + ">", kept: true}
	}
	k.sync, k.next = uint64(files[FileSync]), 1000
}

// open makes a descriptor that execve closes: that all do is what [judge] looks at.
func (k *fakeKernel) open(what string) (uint64, unix.Errno) {
	k.next++
	k.fds[k.next] = file{what: what}
	return k.next, 0
}

func (k *fakeKernel) dup3(from, to, flags uint64) (uint64, unix.Errno) {
	if from == to {
		return 0, unix.EINVAL
	}
	k.fds[to] = file{what: k.fds[from].what, kept: flags&unix.O_CLOEXEC == 0}
	return to, 0
}

func (k *fakeKernel) fcntl(fd, command, arg uint64) (uint64, unix.Errno) {
	if command == unix.F_SETFD {
		k.fds[fd] = file{what: k.fds[fd].what, kept: arg&unix.FD_CLOEXEC == 0}
		return 0, 0
	}
	return k.openMount("a duplicate of "+k.fds[fd].what, k.fds[fd].mount)
}

func (k *fakeKernel) closeRange(first, last uint32, flags uint64) {
	started := slices.ContainsFunc(slices.Collect(maps.Values(k.fds)), func(f file) bool { return f.what == "accept4" })
	if last == math.MaxUint32 && (flags != 0 || started) { // further processes leave more to this
		k.leftovers()
	}
	for fd, f := range k.fds {
		if fd < uint64(first) || fd > uint64(last) {
			continue
		}
		k.closed = append(k.closed, f)
		if delete(k.fds, fd); flags&unix.CLOSE_RANGE_CLOEXEC != 0 {
			k.fds[fd] = file{what: f.what, mount: f.mount}
		}
	}
}

// execve notes which descriptors are there when the executable is looked up, and which
// it gets.
func (k *fakeKernel) execve() {
	k.present = slices.Sorted(maps.Keys(k.fds))
	k.passed = slices.DeleteFunc(slices.Clone(k.present), func(fd uint64) bool { return !k.fds[fd].kept })
}

// leftovers are the descriptors that only close_range closes, but for the root,
// which is used up to the last, and what the launcher gave.
func (k *fakeKernel) leftovers() {
	for fd, f := range k.fds {
		if fd > 2 && f.what != "accept4" && !strings.HasPrefix(f.what, "<") {
			k.left = append(k.left, f.what)
		}
	}
	slices.Sort(k.left)
	if i := slices.Index(k.left, "open_tree"); i >= 0 { // with a mount namespace the root is a clone
		k.left = slices.Delete(k.left, i, i+1)
	} else if i := slices.Index(k.left, "openat"); i >= 0 {
		k.left = slices.Delete(k.left, i, i+1)
	}
}
