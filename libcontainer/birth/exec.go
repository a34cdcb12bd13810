package birth

import (
	"slices"

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
	// Warnings say what the specification allows to be left out, and was.
	Warnings []string
}

// CompileExec turns a process into a program that joins a container. It has no
// side effects.
//
// A pid namespace is joined by a clone, and that comes as late as possible: what
// the container can see has its cgroup, its limits, its user and no more than
// its capabilities, so that a container that may trace its processes gains
// next to nothing from this one (CVE-2016-9962): it is not under its seccomp filter yet,
// and has CAP_SYS_ADMIN to load that if there is no noNewPrivileges. All of the
// process's capabilities are there if its scheduling is none that children inherit.
func CompileExec(in *ExecInput) (*Exec, error) {
	c := newCompiler(&in.Input)
	c.userNS, c.users = in.Namespaces&unix.CLONE_NEWUSER != 0, in.Users
	clones := in.Namespaces&forChildren != 0
	c.late = clones && isInherited(c.proc.Scheduler)
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
		func() error { return c.cloneIf(clones && !c.late) },
		c.finalAffinity,
		c.policies,
		c.stdio,
		c.credentials,
		func() error { c.enterAsUser(c.proc.Cwd); return nil },
		func() error { return c.cloneIf(clones && c.late) },
		c.lead,
		c.confirm,
		c.leave,
		c.execute,
	} {
		if err := phase(); err != nil {
			return nil, err
		}
	}
	return &Exec{c.Program, c.birth.Warnings}, nil
}

// isInherited reports whether a child has the scheduling of its parent. If not, the
// clone has to come before it is set, for which the child then needs the rights.
func isInherited(s *specs.Scheduler) bool {
	return s == nil || s.Policy != specs.SchedDeadline && !slices.Contains(s.Flags, specs.SchedFlagResetOnFork)
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

func (c *compiler) cloneIf(condition bool) error {
	if condition {
		c.Label("cloning the process")
		c.goOnInChild()
	}
	return nil
}

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
	c.Setsid()
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
	c.Label("waiting for rung to be ready")
	c.sync(TagReady)
	return nil
}

// leave closes the descriptors before the process is executed.
func (c *compiler) leave() error {
	c.closeDescriptors(nsenter.File(FileSync))
	if err := c.limitFiles(); err != nil {
		return err
	}
	c.MarkReached()
	return nil
}
