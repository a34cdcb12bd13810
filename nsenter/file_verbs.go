package nsenter

import "golang.org/x/sys/unix"

// CWD as a directory is the process's working directory (AT_FDCWD).
var CWD = Arg{value: ^uint64(-unix.AT_FDCWD - 1)}

// Openat opens a file. A result is its descriptor.
func (p *Program) Openat(dir Arg, path string, flags int, mode uint32) Call {
	return p.call(unix.SYS_OPENAT, dir, p.String(path), Int(flags), Int(mode))
}

// Openat2 opens a file under restrictions on how its path leads there (openat2(2)). A
// rename or a mount somewhere on the machine makes the kernel ask for another try
// where ".." is not to lead out: it gets a few.
func (p *Program) Openat2(dir Arg, path string, how unix.OpenHow) Call {
	return p.call(unix.SYS_OPENAT2, dir, p.String(path), constant(how), Int(unix.SizeofOpenHow)).
		RepeatOn(unix.EAGAIN, 128)
}

// Close closes a descriptor.
func (p *Program) Close(fd Arg) Call { return p.call(unix.SYS_CLOSE, fd) }

// CloseRange closes the descriptors from first to last, or, with
// CLOSE_RANGE_CLOEXEC, has the next execve do so.
func (p *Program) CloseRange(first, last uint32, flags int) Call {
	return p.call(unix.SYS_CLOSE_RANGE, Int(first), Int(last), Int(flags))
}

// Dup3 makes a descriptor with this number of another one.
func (p *Program) Dup3(from Arg, to int, flags int) Call {
	return p.call(unix.SYS_DUP3, from, Int(to), Int(flags))
}

// Fcntl is fcntl(2) with a number as its argument.
func (p *Program) Fcntl(fd Arg, command, arg int) Call {
	return p.call(unix.SYS_FCNTL, fd, Int(command), Int(arg))
}

// Read reads up to size bytes. A result is how many there were.
func (p *Program) Read(fd Arg, into Ref, size int) Call {
	return p.call(unix.SYS_READ, fd, Address(into), Int(size))
}

// Write writes text, all of it or, as write(2) may, less.
func (p *Program) Write(fd Arg, text string) Call {
	return p.call(unix.SYS_WRITE, fd, p.String(text), Int(len(text)))
}

// Ioctl asks something of the driver behind a descriptor.
func (p *Program) Ioctl(fd Arg, request int, arg Arg) Call {
	return p.call(unix.SYS_IOCTL, fd, Int(request), arg)
}

// Statx looks at a file; a name that is empty stands for dir itself. A symbolic link
// is not followed.
func (p *Program) Statx(dir Arg, name string, into Stat) Call {
	return p.call(unix.SYS_STATX, dir, p.String(name), Int(unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW),
		Int(unix.STATX_BASIC_STATS), Address(into.data.At(0)))
}

// Fstatfs looks at the filesystem that a descriptor lies on.
func (p *Program) Fstatfs(fd Arg, into Stat) Call {
	return p.call(unix.SYS_FSTATFS, fd, Address(into.data.At(0)))
}

// Mkdirat makes a directory.
func (p *Program) Mkdirat(dir Arg, name string, mode uint32) Call {
	return p.call(unix.SYS_MKDIRAT, dir, p.String(name), Int(mode))
}

// Mknodat makes a file of the type in mode; of a device dev is the number, as
// unix.Mkdev makes it.
func (p *Program) Mknodat(dir Arg, name string, mode uint32, dev uint64) Call {
	return p.call(unix.SYS_MKNODAT, dir, p.String(name), Int(mode), Int(dev))
}

// Symlinkat makes a symbolic link that leads to target.
func (p *Program) Symlinkat(target string, dir Arg, name string) Call {
	return p.call(unix.SYS_SYMLINKAT, p.String(target), dir, p.String(name))
}

// Fchmodat sets the permissions of a file.
func (p *Program) Fchmodat(dir Arg, name string, mode Arg) Call {
	return p.call(unix.SYS_FCHMODAT, dir, p.String(name), mode)
}

// Fchown gives a file to a user and a group; -1 keeps what there is.
func (p *Program) Fchown(fd Arg, uid, gid int) Call {
	return p.call(unix.SYS_FCHOWN, fd, Int(uid), Int(gid))
}

// Fchownat gives a file to a user and a group; -1 keeps what there is.
func (p *Program) Fchownat(dir Arg, name string, uid, gid, flags int) Call {
	return p.call(unix.SYS_FCHOWNAT, dir, p.String(name), Int(uid), Int(gid), Int(flags))
}
