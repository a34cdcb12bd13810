package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// writeFile writes to a file by a path that the image has no hand in.
func (c *compiler) writeFile(path, text string) {
	fd := c.scratch
	c.Call(unix.SYS_OPENAT, nsenter.Int(unix.AT_FDCWD), c.String(path), nsenter.Int(unix.O_WRONLY|unix.O_CLOEXEC), nsenter.Int(0)).Into(fd)
	c.Call(unix.SYS_WRITE, nsenter.Value(fd), c.String(text), nsenter.Int(len(text)))
	c.close(fd)
}

// ownProcfs makes a procfs that is never attached, so that nothing can be
// mounted over what is written through it (CVE-2019-19921, CVE-2025-52881). In
// a nested container the kernel may refuse; then it is the outer one, checked
// to be a procfs, and resolved without crossing mounts.
func (c *compiler) ownProcfs() error {
	if !c.needsProcfs() {
		return nil
	}
	refused, done := c.Target(), c.Target()
	c.Label("making a procfs to write through")
	c.Call(unix.SYS_FSOPEN, c.String("proc"), nsenter.Int(unix.FSOPEN_CLOEXEC)).Into(c.fs)
	c.fsconfig(unix.FSCONFIG_CMD_CREATE, "", "").JumpOn(unix.EPERM, refused)
	c.Call(unix.SYS_FSMOUNT, nsenter.Value(c.fs), nsenter.Int(unix.FSMOUNT_CLOEXEC), nsenter.Int(0)).Into(c.procfs).JumpOn(unix.EPERM, refused)
	c.Goto(done)
	c.Place(refused)
	c.Label("taking the outer procfs, because a new one was refused")
	c.Call(unix.SYS_OPENAT, nsenter.Int(unix.AT_FDCWD), c.String("/proc"), nsenter.Int(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC), nsenter.Int(0)).Into(c.procfs)
	c.expectFilesystem(c.procfs, unix.PROC_SUPER_MAGIC)
	c.Place(done)
	c.close(c.fs)
	return nil
}

// needsProcfs tells whether anything is written through the procfs.
func (c *compiler) needsProcfs() bool {
	return len(c.hasLinux.Sysctl) > 0 ||
		c.proc.ApparmorProfile != "" && c.in.Host.AppArmor || c.proc.SelinuxLabel != "" && c.in.Host.SELinux
}

// expectFilesystem fails unless the descriptor lies on a filesystem of this
// type (statfs(2): f_type is the first word).
func (c *compiler) expectFilesystem(fd nsenter.Cell, magic uint64) {
	c.Call(unix.SYS_FSTATFS, nsenter.Value(fd), nsenter.Address(c.stat.At(0)))
	c.Expect(nsenter.Load(c.stat.At(0)), ^uint64(0), magic, unix.EINVAL)
}

// writeProcfs writes to a file of the procfs of our own.
func (c *compiler) writeProcfs(path, text string, resolve uint64) {
	fd := c.scratch
	c.Call(unix.SYS_OPENAT2, nsenter.Value(c.procfs), c.String(path),
		nsenter.Words(unix.O_WRONLY|unix.O_CLOEXEC, 0, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_XDEV|unix.RESOLVE_NO_MAGICLINKS|resolve),
		nsenter.Int(howSize)).Into(fd).RepeatOn(unix.EAGAIN, 128)
	c.Call(unix.SYS_WRITE, nsenter.Value(fd), c.String(text), nsenter.Int(len(text)))
	c.close(fd)
}
