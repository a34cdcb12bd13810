package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// writeFile writes to a file by a path that the image has no hand in.
func (c *compiler) writeFile(path, text string) {
	fd := c.scratch
	c.Openat(nsenter.CWD, path, unix.O_WRONLY|unix.O_CLOEXEC, 0).Into(fd)
	c.Write(nsenter.Value(fd), text)
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
	c.Fsopen("proc").Into(c.fs)
	c.FsconfigCreate(nsenter.Value(c.fs)).JumpOn(unix.EPERM, refused)
	c.Fsmount(nsenter.Value(c.fs), 0).Into(c.procfs).JumpOn(unix.EPERM, refused)
	c.Goto(done)
	c.Place(refused)
	c.Label("taking the outer procfs, because a new one was refused")
	c.Openat(nsenter.CWD, "/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0).Into(c.procfs)
	c.expectFilesystem(c.procfs, unix.PROC_SUPER_MAGIC)
	c.Place(done)
	c.close(c.fs)
	return nil
}

// needsProcfs reports whether anything is written through the procfs.
func (c *compiler) needsProcfs() bool {
	return len(c.hasLinux.Sysctl) > 0 ||
		c.proc.ApparmorProfile != "" && c.in.Host.AppArmor || c.proc.SelinuxLabel != "" && c.in.Host.SELinux
}

// expectFilesystem fails unless the descriptor lies on a filesystem of this
// type (statfs(2): f_type is the first word).
func (c *compiler) expectFilesystem(fd nsenter.Cell, magic uint64) {
	c.Fstatfs(nsenter.Value(fd), c.stat)
	c.Expect(c.stat.Filesystem(), ^uint64(0), magic, unix.EINVAL)
}

// writeProcfs writes to a file of the procfs of our own.
func (c *compiler) writeProcfs(path, text string, resolve uint64) {
	fd := c.scratch
	c.Openat2(nsenter.Value(c.procfs), path, unix.OpenHow{
		Flags:   unix.O_WRONLY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_MAGICLINKS | resolve,
	}).Into(fd)
	c.Write(nsenter.Value(fd), text)
	c.close(fd)
}
