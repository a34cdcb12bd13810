package nsenter

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// All descriptors that these make are closed by execve.

// OpenTree opens what is mounted at a path, or clones it (open_tree(2)). A path that
// is empty stands for dir itself.
func (p *Program) OpenTree(dir Arg, path string, flags int) Call {
	flags |= unix.OPEN_TREE_CLOEXEC
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	return p.call(unix.SYS_OPEN_TREE, dir, p.String(path), Int(flags))
}

// MoveMount attaches a mount to a path of dir; one that is empty stands for dir itself.
func (p *Program) MoveMount(mount, dir Arg, path string) Call {
	flags := unix.MOVE_MOUNT_F_EMPTY_PATH
	if path == "" {
		flags |= unix.MOVE_MOUNT_T_EMPTY_PATH
	}
	return p.call(unix.SYS_MOVE_MOUNT, mount, p.String(""), dir, p.String(path), Int(flags))
}

// MountSetattr changes the attributes of a mount; with AT_RECURSIVE, those of the
// mounts below it, too.
func (p *Program) MountSetattr(mount Arg, flags int, attr unix.MountAttr) Call {
	return p.call(unix.SYS_MOUNT_SETATTR, mount, p.String(""), Int(unix.AT_EMPTY_PATH|flags),
		constant(attr), Int(unsafe.Sizeof(attr)))
}

// Fsopen begins a filesystem. A result is the descriptor to configure it by, from
// which the kernel's own words about an error can be read.
func (p *Program) Fsopen(filesystem string) Call {
	return p.call(unix.SYS_FSOPEN, p.String(filesystem), Int(unix.FSOPEN_CLOEXEC))
}

// Fspick is for a filesystem that is mounted what Fsopen is for a new one.
func (p *Program) Fspick(mount Arg) Call {
	return p.call(unix.SYS_FSPICK, mount, p.String(""), Int(unix.FSPICK_CLOEXEC|unix.FSPICK_EMPTY_PATH))
}

// FsconfigSetFlag gives a filesystem an option that has no value.
func (p *Program) FsconfigSetFlag(fs Arg, key string) Call {
	return p.fsconfig(fs, unix.FSCONFIG_SET_FLAG, p.String(key), Int(0))
}

// FsconfigSetString gives a filesystem an option.
func (p *Program) FsconfigSetString(fs Arg, key, value string) Call {
	return p.fsconfig(fs, unix.FSCONFIG_SET_STRING, p.String(key), p.String(value))
}

// FsconfigSetFd gives a filesystem an option whose value is a descriptor.
func (p *Program) FsconfigSetFd(fs Arg, key string, fd Arg) Call {
	return p.call(unix.SYS_FSCONFIG, fs, Int(unix.FSCONFIG_SET_FD), p.String(key), Int(0), fd)
}

// FsconfigCreate makes the filesystem, with the options that it was given.
func (p *Program) FsconfigCreate(fs Arg) Call {
	return p.fsconfig(fs, unix.FSCONFIG_CMD_CREATE, Int(0), Int(0))
}

// FsconfigReconfigure changes the filesystem to the options that it was given.
func (p *Program) FsconfigReconfigure(fs Arg) Call {
	return p.fsconfig(fs, unix.FSCONFIG_CMD_RECONFIGURE, Int(0), Int(0))
}

func (p *Program) fsconfig(fs Arg, command int, key, value Arg) Call {
	return p.call(unix.SYS_FSCONFIG, fs, Int(command), key, value, Int(0))
}

// Fsmount makes a mount, not attached yet, of the filesystem. Attributes are
// MOUNT_ATTR_*.
func (p *Program) Fsmount(fs Arg, attributes uint64) Call {
	return p.call(unix.SYS_FSMOUNT, fs, Int(unix.FSMOUNT_CLOEXEC), Int(attributes))
}

// Mount is mount(2), for what only that can. Of source, filesystem and data those
// that are empty are not passed.
func (p *Program) Mount(source, target, filesystem string, flags uint64, data string) Call {
	return p.call(unix.SYS_MOUNT, p.stringOrNull(source), p.String(target), p.stringOrNull(filesystem), Int(flags),
		p.stringOrNull(data))
}

func (p *Program) stringOrNull(s string) Arg {
	if s == "" {
		return Int(0)
	}
	return p.String(s)
}

// Umount2 takes away what is mounted at a path.
func (p *Program) Umount2(path string, flags int) Call {
	return p.call(unix.SYS_UMOUNT2, p.String(path), Int(flags))
}

// PivotRoot makes newRoot the root of the mount namespace, and attaches the old one
// at putOld.
func (p *Program) PivotRoot(newRoot, putOld string) Call {
	return p.call(unix.SYS_PIVOT_ROOT, p.String(newRoot), p.String(putOld))
}
