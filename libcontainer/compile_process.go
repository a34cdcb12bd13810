package libcontainer

import (
	"encoding/binary"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// openWorkingDirectory opens process.cwd, made if it is missing as long as that
// can be done: before the root is read-only.
func (c *compiler) openWorkingDirectory() error {
	c.Label("opening the working directory " + c.proc.Cwd)
	target := c.target
	c.target = c.cwd
	defer func() { c.target = target }()
	denied := c.Target() // see enterAsUser
	if err := c.ensure(path.Clean(c.proc.Cwd), false, 0, denied); err != nil {
		return fmt.Errorf("process.cwd: %w", err)
	}
	c.Place(denied)
	return nil
}

// enterWorkingDirectory enters it by descriptor, after the root has changed.
func (c *compiler) enterWorkingDirectory() error {
	c.Label("entering the working directory " + c.proc.Cwd)
	denied := c.Target()
	c.JumpIf(nsenter.Value(c.cwd), ^uint64(0), ^uint64(0), denied)
	c.tryToEnter()
	c.close(c.cwd)
	c.Place(denied)
	return nil
}

// tryToEnter makes $cwd the working directory, unless that is denied.
func (c *compiler) tryToEnter() {
	c.Call(unix.SYS_FCHDIR, nsenter.Value(c.cwd)).Into(c.entered).Ignore(unix.EACCES, unix.EPERM)
}

// enterAsUser enters the working directory with the process's own rights, if the
// container's root was denied it: a directory may be there for the user's group
// alone, and a file server may trust no root.
func (c *compiler) enterAsUser(path string) {
	c.Label("entering the working directory " + c.proc.Cwd)
	done := c.Target()
	c.JumpIf(nsenter.Value(c.entered), ^uint64(0), 0, done)
	c.resolve(path, unix.O_PATH|unix.O_DIRECTORY, 0, c.cwd)
	c.Call(unix.SYS_FCHDIR, nsenter.Value(c.cwd))
	c.close(c.cwd)
	c.Place(done)
}

// checkExecutable looks for what execve will be called with, where mounts hide
// it from the launcher's own look at the rootfs.
func (c *compiler) checkExecutable() error {
	if !c.in.Behind || len(c.in.Candidates) == 0 {
		return nil
	}
	found, unseen := c.Target(), c.Target()
	name := c.proc.Args[0]
	c.Label(fmt.Sprintf("exec: %q: executable file not found in $PATH", name))
	if strings.Contains(name, "/") {
		c.Label(fmt.Sprintf("exec: %q: stat %s", name, name))
	}
	c.JumpUnless(nsenter.Value(c.entered), ^uint64(0), 0, unseen) // relative paths would lead elsewhere
	file := c.Cell("executable")                                  // -1 as long as none was opened
	for i, candidate := range c.in.Candidates {
		call := c.Call(unix.SYS_OPENAT, nsenter.Int(unix.AT_FDCWD), c.String(candidate), nsenter.Int(unix.O_PATH|unix.O_CLOEXEC), nsenter.Int(0)).Into(file)
		if i < len(c.in.Candidates)-1 {
			call.Ignore(unix.ENOENT, unix.ENOTDIR, unix.EACCES)
			c.JumpUnless(nsenter.Value(file), ^uint64(0), ^uint64(0), found)
		}
	}
	c.Place(found)
	c.close(file)
	c.Place(unseen)
	return nil
}

// replaceStreams puts those standard streams in place that the launcher has others for.
func (c *compiler) replaceStreams() {
	for fd, replaced := range c.in.Host.Replaced {
		if replaced {
			c.Label("putting a pipe in the place of the caller's terminal")
			c.Call(unix.SYS_DUP3, nsenter.File(streamFile(fd)), nsenter.Int(fd), nsenter.Int(0))
		}
	}
}

// stdio gives pipes and files that are standard streams to the user, who could
// not open /dev/stdout otherwise. Devices of the host keep their owner.
func (c *compiler) stdio() error {
	if _, given := c.hostUser(); !given && (c.userNS || c.proc.User.UID != 0) {
		c.giveStreams(c.proc.User.UID, c.in.Host.OwnStreams)
	}
	return nil
}

// stdioOutside does so before the process is in a user namespace, where it has no
// right to what belongs to others. Files that are only to be read are not given
// to those who are kept from the host's.
func (c *compiler) stdioOutside() {
	streams := c.in.Host.OwnStreams
	for fd, input := range c.in.Host.InputFiles {
		streams[fd] = streams[fd] && !input
	}
	if user, ok := c.hostUser(); ok {
		c.giveStreams(user, streams)
	}
}

// hostUser is the user outside of the user namespace, if there is one whose maps
// are known.
func (c *compiler) hostUser() (uint32, bool) {
	if !c.userNS {
		return 0, false
	}
	return mapped(c.users, c.proc.User.UID)
}

func (c *compiler) giveStreams(user uint32, streams [3]bool) {
	if c.proc.Terminal {
		return
	}
	c.Label("giving the standard streams to the user")
	for fd, owned := range streams {
		if owned {
			c.Call(unix.SYS_FCHOWN, nsenter.Int(fd), nsenter.Int(user), nsenter.Int(-1)).
				Ignore(unix.EPERM, unix.EINVAL, unix.EROFS, unix.EACCES)
		}
	}
}

// streamFile is the name of what the launcher has for a standard stream.
func streamFile(fd int) string { return [...]string{fileStdin, fileOutput, fileErrors}[fd] }

// ready tells the launcher that all but the execve is done.
func (c *compiler) ready() error {
	c.Label("waiting for the container to be recorded as created")
	c.sync(TagReady)
	return nil
}

// wait is where a created container stays until it is started.
func (c *compiler) wait() error {
	c.birth.Ready = len(c.Steps)
	c.Label("waiting for start")
	if c.in.Gate == GateSocket {
		c.Park()
		c.Call(unix.SYS_CLOSE, nsenter.File(fileSync))
		c.Call(unix.SYS_ACCEPT4, nsenter.File(fileGate), nsenter.Int(0), nsenter.Int(0), nsenter.Int(unix.SOCK_CLOEXEC)).
			RepeatOn(unix.EINTR, 1<<20).RepeatOn(unix.ECONNABORTED, 1<<20)
	} else if h := c.in.Spec.Hooks; h != nil && len(h.StartContainer) > 0 {
		c.sync(TagGate)
	}
	if err := c.limitFiles(); err != nil {
		return err
	}
	c.Label("closing all descriptors but those of the process")
	c.Call(unix.SYS_CLOSE_RANGE, nsenter.Int(3+c.in.PreserveFds), nsenter.Int(uint64(^uint32(0))), nsenter.Int(unix.CLOSE_RANGE_CLOEXEC))
	return nil
}

func (c *compiler) loadFilter() {
	f := c.in.Filter
	if f == nil {
		return
	}
	c.Label("loading the seccomp filter")
	code := &nsenter.Data{Bytes: f.Bytes()}
	prog := &nsenter.Data{Bytes: make([]byte, 16), Pointers: []nsenter.Pointer{{Offset: 8, To: code.At(0)}}}
	binary.NativeEndian.PutUint16(prog.Bytes, uint16(len(f.Instructions)))
	c.Call(unix.SYS_SECCOMP, nsenter.Int(unix.SECCOMP_SET_MODE_FILTER), nsenter.Int(f.Flags), nsenter.Address(prog.At(0)))
}

// execute loads the filter and becomes the user's process.
func (c *compiler) execute() error {
	c.loadFilter()
	if len(c.in.Candidates) == 0 {
		c.Label("executing nothing: the config has no process")
		c.Expect(nsenter.Int(0), 0, 1, unix.ENOEXEC)
		return nil
	}
	argv, env := c.Strings(c.proc.Args), c.Strings(c.in.Env)
	for i, candidate := range c.in.Candidates {
		c.Label("executing " + candidate)
		call := c.Call(unix.SYS_EXECVE, c.String(candidate), argv, env)
		if i < len(c.in.Candidates)-1 {
			call.Ignore(unix.ENOENT, unix.ENOTDIR, unix.EACCES)
		}
	}
	return nil
}
