package birth

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// A procfs shows the pid namespace of whoever began it. The birth program is not in a pid
// namespace that it joins by path before all else is done (joinPids). Since Linux 6.17 it can say
// which one is meant (Documentation/filesystems/proc.rst, pidns); before, a process has to be
// there. That is seen there, so it is a process of a program that does nothing else: with an
// empty root, no capability outside of a user namespace of its own, if it can make one, in the
// container's cgroups and with no descriptor but a socket, by which it sends the begun procfs.

// filePids is the pid namespace that is joined by path.
const filePids = FileNamespace + string(specs.PIDNamespace)

// setPidNamespace says which pid namespace $fs is to show, or has a procfs begun there.
func (c *compiler) setPidNamespace() {
	older, done := c.Target(), c.Target()
	c.FsconfigSetFd(nsenter.Value(c.fs), "pidns", nsenter.File(filePids)).JumpOn(unix.EINVAL, older)
	c.Goto(done)
	c.Place(older)
	c.close(c.fs)
	c.Write(c.socket, string(rune(TagProcfs)))
	c.receiveFd(c.fs) // of anything: a tracer may have had its hands in it
	c.awaitAnswer()
	c.Place(done)
	c.birth.Procfs = procfsProgram(c.in)
}

func procfsProgram(in *Input) *nsenter.Program {
	c := newCompiler(in)
	c.Label("preparing a process that begins a procfs")
	c.MapReport(FileReport)
	c.hide()
	joinCgroups(c.Program, in.Host.CgroupFiles, in.Host.CgroupMove, func(string) {})
	c.Setns(nsenter.File(filePids), unix.CLONE_NEWPID)
	c.Unshare(unix.CLONE_NEWUSER|unix.CLONE_NEWNS|unix.CLONE_NEWNET|unix.CLONE_NEWIPC).
		Ignore(unix.EPERM, unix.ENOSPC, unix.EINVAL)
	c.Fsopen("tmpfs").Into(c.fs)
	c.FsconfigCreate(nsenter.Value(c.fs))
	c.Fsmount(nsenter.Value(c.fs), unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOEXEC).Into(c.tree)
	c.Fchdir(nsenter.Value(c.tree))
	c.Chroot(".")
	c.Capset(1<<unix.CAP_SYS_ADMIN, 1<<unix.CAP_SYS_ADMIN, 0) // for fsopen
	c.Dup3(c.socket, 0, 0)
	c.CloseRange(1, ^uint32(0), 0)
	c.socket = nsenter.Int(0)
	c.hide()
	goOnInChild(c.Program, 0)
	c.Label("beginning a procfs of the pid namespace")
	c.Fsopen("proc").Into(c.fs)
	c.sync(TagContext, c.fs)
	c.ExitGroup(0)
	return c.Program
}
