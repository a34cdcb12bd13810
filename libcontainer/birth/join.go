package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// What programs have in common that join a container which exists: those of
// hooks and those of exec.

// joinNamespaces enters namespaces of the container's first process, CLONE_NEW*,
// all at once by its pidfd (setns(2)). The root and the working directory become
// those of the mount namespace.
func joinNamespaces(p *nsenter.Program, namespaces uint64) {
	if namespaces == 0 { // setns has no flag for nothing
		return
	}
	p.Setns(nsenter.File(FileInit), namespaces)
}

// forChildren are namespaces that a process joins for its children only.
const forChildren = unix.CLONE_NEWPID | unix.CLONE_NEWTIME

// goOnInChild ends the launched process; its child, whose parent is the
// launcher, goes on. flags are CLONE_NEW*.
func goOnInChild(p *nsenter.Program, flags uint64) {
	child, born := p.Cell("child"), p.Target()
	p.Clone(flags|unix.CLONE_PARENT, nsenter.ReportChild()).Into(child)
	p.JumpIf(nsenter.Value(child), ^uint64(0), 0, born)
	p.ExitGroup(0)
	p.Place(born)
}

// goOnInChild does the same in the container's cgroup, which may be full: the kernel counts
// clones, and not moves, against pids.max, and for the clone there are two processes. A
// probe or a rescue shell has to get in nevertheless. The child must not be seen in the
// container's pid namespace where a tracer could have it fork as often as it likes. So the
// launcher takes the process on a detour, [cgroups.Detour], to a cgroup with room for it and
// one child, in which neither can fork, and brings the child back: the process keeps its
// place until then, and the child waits for it. Both have nothing open by now that they could
// ask with, but the report page.
func (c *compiler) goOnInChild(flags uint64) {
	if len(c.in.Host.CgroupFiles) == 0 && c.in.Host.CgroupMove == "" {
		goOnInChild(c.Program, flags)
		return
	}
	child, full, back, born := c.Cell("child"), c.Target(), c.Target(), c.Target()
	c.Clone(flags|unix.CLONE_PARENT, nsenter.ReportChild()).Into(child).JumpOn(unix.EAGAIN, full)
	c.JumpIf(nsenter.Value(child), ^uint64(0), 0, born)
	c.ExitGroup(0)
	c.Place(full)
	c.Getpid().MarkFull()
	c.AwaitTurn(1)
	c.Clone(flags|unix.CLONE_PARENT, nsenter.ReportChild()).Into(child)
	c.JumpIf(nsenter.Value(child), ^uint64(0), 0, back)
	c.AwaitTurn(2)
	c.ExitGroup(0)
	c.Place(back)
	c.AwaitTurn(2)
	c.Place(born)
}

// hide makes the process not dumpable: until execve nothing in a namespace that
// it joins can trace it or open what it has open.
func hide(p *nsenter.Program) {
	p.Prctl(unix.PR_SET_DUMPABLE, 0)
}

func (c *compiler) hide() {
	if !c.open {
		hide(c.Program)
	}
}
