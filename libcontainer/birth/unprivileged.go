package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// A process that is not dumpable is open to who has CAP_SYS_PTRACE in the user namespace in
// which it has executed what it is: to root of the machine always. A user without privileges
// has it in the container's alone, which is the user's own. So the process executes its
// image once more when it is there, and before that it is dumpable: the maps are written
// by its files, newuidmap(1) looks whose they are, and nobody but the caller's user can see it.
//
// Root of a container that lacks CAP_SYS_PTRACE cannot look at it at all without a user
// namespace: there it stays dumpable, unless others may see it.

// beginAgain is what both lives of a process begin with that has two.
func (c *compiler) beginAgain() {
	if !c.livesTwice() {
		c.Close(nsenter.File(FileReport))
		return
	}
	c.again = c.Target()
	c.GoOnAgain(c.again)
}

func (c *compiler) livesTwice() bool { return c.open && c.userNS }

// executeAgain begins the second life, as the user that the user namespace maps.
func (c *compiler) executeAgain() {
	c.Label("executing the image within the user namespace")
	if _, root := mapped(c.users, 0); !root {
		c.keepCapabilities()
	}
	c.ExecuteAgain()
	c.Place(c.again)
	c.Close(nsenter.File(FileReport))
	c.SetName(nsenter.ImageName)
	c.open = false
	c.hide()
}

// keepCapabilities lets who is not root have all capabilities beyond an execve
// (capabilities(7), ambient).
func (c *compiler) keepCapabilities() {
	all := uint64(1)<<(c.in.Host.LastCap+1) - 1
	c.Capset(all, all, all)
	for bit := range c.in.Host.LastCap + 1 {
		c.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, int(bit), 0, 0)
	}
}
