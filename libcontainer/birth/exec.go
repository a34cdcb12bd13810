package birth

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// ExecInput is all that the program of a further process of a container depends
// on. Of the Input counts what is not about making a container: of Spec the
// process to be, and linux.personality and linux.memoryPolicy.
type ExecInput struct {
	Input
	Namespaces uint64                 // CLONE_NEW* of the container's namespaces that are not the caller's
	Users      []specs.LinuxIDMapping // of the user namespace, as the caller sees them
	Chroot     string                 // the root, if the container has no mount namespace of its own
}

// Exec is a compiled further process.
type Exec struct {
	Program *nsenter.Program
	// Scheduler is as that of [Birth].
	Scheduler *unix.SchedAttr
	// Warnings say what the specification allows to be left out, and was.
	Warnings []string
}

// CompileExec turns a process into a program that joins a container. It has no
// side effects.
//
// A pid namespace is joined by a clone, and that comes last: what the container can see,
// and trace if it may (CVE-2016-9962), has the process's cgroup, its limits, its user, its
// capabilities, its descriptors and, if that lets what is left happen, its filter. The
// launched process waits for the child's execve (CLONE_VFORK), and tells the launcher by its
// end, so that the child needs no descriptor for that.
func CompileExec(in *ExecInput) (*Exec, error) {
	c, err := withFilter(&in.Input, func(c *compiler) error { return c.join(in) })
	if err != nil {
		return nil, err
	}
	return &Exec{c.Program, c.birth.Scheduler, c.birth.Warnings}, nil
}

func (c *compiler) join(in *ExecInput) error {
	c.userNS, c.users = in.Namespaces&unix.CLONE_NEWUSER != 0, in.Users
	c.late = in.Namespaces&forChildren != 0
	for _, phase := range []func() error{
		c.begin,
		c.initialAffinity,
		c.ownProcfs,
		c.labels,
		c.joinCgroups,
		func() error { return c.enterContainer(in.Namespaces, in.Chroot) },
		c.inherit,
		c.execTerminal,
		c.existingWorkingDirectory,
		c.finalAffinity,
		c.policies,
		c.stdio,
		c.credentials,
		func() error { c.enterAsUser(c.proc.Cwd); return nil },
		c.confirm,
		func() error { return c.goOn(3 + c.in.PreserveFds) },
		c.execute,
	} {
		if err := phase(); err != nil {
			return err
		}
	}
	return nil
}

// enterContainer joins the namespaces and takes their root.
func (c *compiler) enterContainer(namespaces uint64, chroot string) error {
	if c.userNS {
		c.dropGroups()
	}
	c.Label("joining the container")
	joinNamespaces(c.Program, namespaces)
	if c.userNS {
		c.Label("becoming a user that the user namespace maps: 0, or process.user")
		becomeRoot(c.Program, c.proc.User)
	}
	c.Label("entering the container's root")
	if chroot != "" {
		c.Chroot(chroot)
	}
	c.Openat(nsenter.CWD, "/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0).Into(c.root)
	return nil
}

// inherit settles what the process has from the launcher and keeps.
func (c *compiler) inherit() error {
	c.Label("joining the session keyring")
	c.keyring()
	c.signals()
	return nil
}

// execTerminal is a terminal without a /dev/console.
func (c *compiler) execTerminal() error {
	if !c.proc.Terminal {
		return nil
	}
	master, slave := c.openTerminal()
	c.handOver(master)
	c.useTerminal(slave)
	return nil
}

// goOn closes the descriptors from first on, and goes on in a child if that is the way into
// the namespaces.
func (c *compiler) goOn(first int) error {
	stays := !c.late || c.confirmsLate() // the socket, whose end tells that the process was executed
	link := &c.socket
	if !stays {
		link = nil
	}
	c.closeDescriptors(first, link)
	if err := c.limitFiles(); err != nil {
		return err
	}
	c.filter(beforeClone)
	if c.late {
		c.Label("cloning the process")
		flags := uint64(0)
		if !stays {
			flags = unix.CLONE_VFORK
		}
		c.goOnInChild(flags)
	}
	if err := c.lead(); err != nil || !c.confirmsLate() {
		return err
	}
	if c.birth.Scheduler != nil {
		c.about("process.scheduler", "waiting for process.scheduler to be set")
	} else {
		c.about("linux.seccomp.listenerPath", "waiting for the listener to be sent to the agent")
	}
	c.sync(TagReady)
	return nil
}

// confirmsLate reports whether it is the child that waits for the launcher's word: it has to have the
// process's scheduling set, or its pid told to an agent.
func (c *compiler) confirmsLate() bool { return c.birth.Scheduler != nil || c.sendsListener() }

// lead makes the process the leader of a session, with its terminal, and gives it
// the limits that would have been in the way of the clone.
func (c *compiler) lead() error {
	for _, r := range c.proc.Rlimits {
		if c.delayed(r) {
			if err := c.limit(r); err != nil {
				return err
			}
		}
	}
	c.Label("starting a session of its own")
	c.Setsid().MarkReached()
	if c.proc.Terminal {
		c.controlTerminal()
	}
	return nil
}

// delayed reports whether a limit is set after the clone: for a moment there is one
// process more of the user. A limit that is raised needs the rights from before,
// if it was not raised earlier still.
func (c *compiler) delayed(r specs.POSIXRlimit) bool {
	return c.late && r.Type == "RLIMIT_NPROC" && (c.userNS || r.Hard <= c.in.Host.Limits[unix.RLIMIT_NPROC].Hard)
}

// confirm waits for the launcher's word that it is there, and ready to stand for
// the process: joining a cgroup that is frozen can take any time.
func (c *compiler) confirm() error {
	if !c.confirmsLate() {
		c.Label("waiting for rung to be ready")
		c.sync(TagReady)
	}
	return nil
}
