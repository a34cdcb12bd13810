package birth

import (
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// HostNamespaces are the CLONE_NEW* flags of the namespaces that the
// configuration does not name.
func HostNamespaces(s *specs.Spec) (flags uint64) {
	for _, ns := range spec.Namespaces() {
		flags |= ns.Flag
	}
	if s.Linux != nil {
		for _, ns := range s.Linux.Namespaces {
			flags &^= spec.NamespaceByType(ns.Type).Flag
		}
	}
	return flags
}

// joinOrder is the order in which namespaces are joined by path: those that may
// need the caller's rights before the user namespace, the mount namespace last.
var joinOrder = [...]specs.LinuxNamespaceType{
	specs.NetworkNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.CgroupNamespace, specs.TimeNamespace,
	specs.PIDNamespace,
}

func (c *compiler) classifyNamespaces() error {
	c.newNS, c.joinNS = map[specs.LinuxNamespaceType]bool{}, map[specs.LinuxNamespaceType]string{}
	for i, ns := range c.hasLinux.Namespaces {
		if spec.NamespaceByType(ns.Type).Flag == 0 {
			return fmt.Errorf("linux.namespaces[%d].type: unknown namespace %q", i, ns.Type)
		}
		if ns.Path == "" {
			c.newNS[ns.Type] = true
		} else {
			c.joinNS[ns.Type] = ns.Path
		}
	}
	_, c.late = c.joinNS[specs.PIDNamespace]
	c.mountNS = c.hasNS(specs.MountNamespace)
	c.newUser, c.userNS = c.newNS[specs.UserNamespace], c.hasNS(specs.UserNamespace)
	c.users = c.hasLinux.UIDMappings
	if c.userNS && !c.mountNS {
		return fmt.Errorf("linux.namespaces: a user namespace needs a mount namespace: its root may not mount in " +
			"the host's")
	}
	c.shared = strings.HasSuffix(c.hasLinux.RootfsPropagation, "shared")
	if !c.mountNS && (len(c.hasLinux.MaskedPaths) > 0 || len(c.hasLinux.ReadonlyPaths) > 0) {
		return fmt.Errorf("linux.maskedPaths and linux.readonlyPaths need a mount namespace: on the host they " +
			"would be changed for everybody")
	}
	return nil
}

func (c *compiler) hasNS(t specs.LinuxNamespaceType) bool {
	_, joined := c.joinNS[t]
	return joined || c.newNS[t]
}

// namespaces brings the process into its namespaces. Where that is possible they
// are made by the clone that launches the program. A new time namespace only counts for
// children, and with a user namespace what is joined by path is the caller's to join; then
// the program clones once more. It does so for every new user namespace, because an execve
// in one whose ids are not mapped yet, such as the image's, takes the capabilities away.
// A pid namespace by path counts for children, too, and has a clone of its own: joinPids.
func (c *compiler) namespaces() error {
	made := uint64(0)
	for t := range c.newNS {
		if t != specs.CgroupNamespace { // made after the cgroup was joined: it is the root of what is seen
			made |= spec.NamespaceByType(t).Flag
		}
	}
	if c.newUser { // made by the root of the user namespace, whose its files are to be
		made &^= unix.CLONE_NEWIPC
	}
	if c.userNS { // where they may not be given up any more: user_namespaces(7), setgroups
		c.dropGroups()
	}
	switch {
	case c.timeWithin():
		return c.userNamespaceFirst(made &^ unix.CLONE_NEWTIME)
	case c.late && c.userNS:
		c.joinByPath()
		c.about("linux.namespaces", "making the namespaces")
		if made &^= unix.CLONE_NEWTIME; made != 0 {
			c.Unshare(made)
		}
		c.hide() // joining a user namespace may have made it dumpable
	case c.late:
		c.birth.Flags = made &^ unix.CLONE_NEWTIME
		c.joinByPath()
	case c.userNS || c.newNS[specs.TimeNamespace]:
		c.joinByPath()
		c.cloneFirstProcess(made &^ unix.CLONE_NEWTIME)
	default:
		c.birth.Flags = made
		c.joinByPath()
	}
	return c.becomeRoot()
}

// userNamespaceFirst makes the user namespace, with its maps, and the others there: for who
// may make no time namespace elsewhere, which is not made by a clone.
func (c *compiler) userNamespaceFirst(made uint64) error {
	c.joinByPath()
	c.about("linux.namespaces", "making the user namespace")
	c.Unshare(unix.CLONE_NEWUSER)
	if err := c.becomeRoot(); err != nil {
		return err
	}
	c.makeTimeNamespace()
	made &^= unix.CLONE_NEWUSER
	if !c.late {
		c.cloneFirstProcess(made)
	} else if made != 0 {
		c.about("linux.namespaces", "making the namespaces")
		c.Unshare(made)
	}
	return nil
}

func (c *compiler) joinByPath() {
	_, user := c.joinNS[specs.UserNamespace]
	var again []retry
	for _, t := range joinOrder {
		if _, ok := c.joinNS[t]; !ok {
			continue
		}
		call := c.joinAt(t)
		if user { // it may belong to that user namespace
			r := retry{t, c.Cell("joined " + string(t))}
			call.Into(r.joined).Ignore(unix.EPERM)
			again = append(again, r)
		}
	}
	if user {
		c.joinAt(specs.UserNamespace)
	}
	for _, r := range again {
		done := c.Target()
		c.about("linux.namespaces", "joining the "+string(r.t)+" namespace from within the user namespace")
		c.JumpIf(nsenter.Value(r.joined), ^uint64(0), 0, done)
		c.setns(r.t)
		c.Place(done)
	}
	if _, ok := c.joinNS[specs.MountNamespace]; ok {
		c.joinAt(specs.MountNamespace)
	}
	for _, ns := range c.hasLinux.Namespaces {
		if ns.Path != "" && ns.Type != specs.PIDNamespace { // of which a procfs is still to be made
			c.Close(nsenter.File(FileNamespace + string(ns.Type)))
		}
	}
}

// retry is a namespace to be joined again once in the user namespace, unless
// the cell says that it was.
type retry struct {
	t      specs.LinuxNamespaceType
	joined nsenter.Cell
}

func (c *compiler) joinAt(t specs.LinuxNamespaceType) nsenter.Call {
	c.about("linux.namespaces", "joining the "+string(t)+" namespace "+c.joinNS[t])
	return c.setns(t)
}

func (c *compiler) setns(t specs.LinuxNamespaceType) nsenter.Call {
	return c.Setns(nsenter.File(FileNamespace+string(t)), spec.NamespaceByType(t).Flag)
}

// cloneFirstProcess ends the launched process; its child, whose parent is the
// launcher, goes on.
func (c *compiler) cloneFirstProcess(flags uint64) {
	c.Label("cloning the container's first process")
	c.hide() // joining a user namespace may have made it dumpable
	goOnInChild(c.Program, flags)
}

// forgetHost closes what the process would be seen with otherwise when it joins the pid namespace.
func (c *compiler) forgetHost() error {
	if !c.late {
		return nil
	}
	c.Label("closing what is the host's")
	c.Close(nsenter.File(filePids))
	c.close(c.root)
	for fd, replaced := range c.in.Host.Replaced {
		if replaced {
			c.Close(nsenter.File(StreamFile(fd)))
		}
	}
	return nil
}

// joinPids clones the process into the pid namespace that it joined, where others see it, and
// trace it if they may: when it has no more than the container's process will have, but for
// the socket to the launcher and the gate, which only lead to rung.
func (c *compiler) joinPids() error {
	if !c.late {
		return nil
	}
	c.birth.JoinsPids = true
	c.Label("telling rung that others will see the process")
	c.sync(TagSeen)
	c.about("linux.namespaces", "cloning the container's first process into the pid namespace")
	c.goOnInChild(0)
	return c.lead()
}
