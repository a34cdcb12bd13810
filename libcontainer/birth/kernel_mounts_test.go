package birth

import (
	"strings"

	"golang.org/x/sys/unix"
)

// fakeMount is what is known of a mount, or of a filesystem that will be one.
type fakeMount struct {
	from        string // the path that was cloned, or the filesystem with its options
	recursive   bool   // with what is mounted below
	attr, below uint64 // MOUNT_ATTR_* of the mount, and of those below
	propagation uint64 // the last that was set; 0: a clone is a peer of what it was cloned from
}

func (k *fakeKernel) mounts(name string, args [6]uint64) (uint64, unix.Errno) {
	switch name {
	case "fsopen":
		return k.openMount(name, &fakeMount{from: k.str(args[0])})
	case "fspick":
		return k.openMount(name, k.fds[args[0]].mount)
	case "fsconfig":
		if k.old && args[1] == unix.FSCONFIG_SET_FD {
			return 0, unix.EINVAL
		}
		fs := k.fds[args[0]].mount
		if args[2] != 0 {
			fs.from += " " + k.str(args[2])
		}
		if args[3] != 0 {
			fs.from += "=" + k.str(args[3])
		}
	case "fsmount":
		if args[2]&unix.MOUNT_ATTR_RDONLY != 0 {
			name = readonlyMount
		}
		return k.openMount(name, &fakeMount{from: k.fds[args[0]].mount.from, attr: args[2]})
	case "open_tree":
		m := &fakeMount{from: k.str(args[1]), recursive: args[2]&unix.AT_RECURSIVE != 0}
		if cloned := k.fds[args[0]]; m.from == "" && cloned.mount != nil {
			m.from, m.attr = cloned.mount.from, cloned.mount.attr
		} else if m.from == "" {
			m.from = cloned.what
		}
		return k.openMount(name, m)
	case "mount_setattr":
		k.setattr(k.fds[args[0]], args[0], args[2]&unix.AT_RECURSIVE != 0, args[3])
	case "move_mount":
		if p, ok := strings.CutPrefix(k.fds[args[2]].what, "root:"); ok {
			k.attached = append(k.attached, p)
			k.tops[p] = k.fds[args[0]].mount
		}
	}
	return 0, 0
}

func (k *fakeKernel) openMount(what string, m *fakeMount) (uint64, unix.Errno) {
	fd, _ := k.open(what)
	if m == nil { // of what is mounted already
		m = &fakeMount{}
	}
	k.fds[fd] = file{what: what, mount: m}
	return fd, 0
}

func (k *fakeKernel) setattr(f file, fd uint64, recursive bool, attr uint64) {
	set, clear, propagation := k.word(attr), k.word(attr+8), k.word(attr+16)
	if f.what == "fsmount" && set&unix.MOUNT_ATTR_RDONLY != 0 {
		f.what = readonlyMount
	}
	if f.mount == nil {
		f.mount = &fakeMount{}
	}
	if f.mount.attr = f.mount.attr&^clear | set; recursive {
		f.mount.below = f.mount.below&^clear | set
	}
	if propagation != 0 {
		f.mount.propagation = propagation
		if recursive {
			f.mount.propagation |= unix.MS_REC
		}
	}
	k.fds[fd] = f
}
