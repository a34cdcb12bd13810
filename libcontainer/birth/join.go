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

// hide makes the process not dumpable: until execve nothing in a namespace that
// it joins can trace it or open what it has open.
func hide(p *nsenter.Program) {
	p.Prctl(unix.PR_SET_DUMPABLE, 0)
}

func (c *compiler) hide() { hide(c.Program) }
