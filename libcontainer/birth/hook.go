package birth

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// HookInput is all that the program of a hook depends on that runs in the
// container's namespaces. Of the Input count Spec, Host and Filter.
type HookInput struct {
	Input
	Hook       specs.Hook
	Namespaces uint64 // CLONE_NEW* of the container's namespaces that are not the caller's

	// Confined has the hook run as the container's process would: with its user, its
	// limits, its capabilities, its filter and its working directory. A startContainer
	// hook is a file of the image: with the rights of the caller in the container's
	// namespaces it could leave them. Without, it runs in the root filesystem.
	Confined bool
}

// Names of the launcher's descriptors in a hook's program.
const (
	FileStdin  = "standard input"
	FileOutput = "standard output"
	FileErrors = "standard error"
)

// CompileHook makes the program that joins the container and executes the hook. Its
// process sees the root of the mount namespace: the host's tree before the root was
// changed, the container's after. It is cloned last, for the reason that [CompileExec] has.
// It has no side effects.
func CompileHook(in *HookInput) (*nsenter.Program, error) {
	c, err := withFilter(&in.Input, func(c *compiler) error { return c.hook(in) })
	if err != nil {
		return nil, err
	}
	return c.Program, nil
}

func (c *compiler) hook(in *HookInput) error {
	if err := c.classifyNamespaces(); err != nil {
		return err
	}
	c.late = in.Namespaces&forChildren != 0
	proc := specs.Process{}
	if in.Confined {
		proc = *c.proc
		proc.Terminal = false
	}
	c.proc = &proc
	c.Label("joining the container")
	c.MapReport(FileReport)
	c.hide()
	c.DropGroups().Ignore(unix.EPERM) // the caller's mean something on the host
	if err := c.raiseLimits(); err != nil {
		return err
	}
	joinCgroups(c.Program, in.Host.CgroupFiles, in.Host.CgroupMove, func(string) {})
	joinNamespaces(c.Program, in.Namespaces)
	c.Label("preparing the hook")
	c.UnblockSignals()
	if !in.Confined {
		c.Chdir(in.Host.Rootfs) // never the host's root: a relative path is meant for the container
	} else {
		c.JoinSessionKeyring("").
			Ignore(unix.ENOSYS, unix.EDQUOT, unix.EPERM, unix.EACCES)
		if !c.mountNS {
			c.Chroot(in.Host.Rootfs)
		}
	}
	if in.Namespaces&unix.CLONE_NEWUSER != 0 {
		becomeRoot(c.Program, c.proc.User)
	}
	c.Dup3(nsenter.File(FileStdin), 0, 0)
	c.Dup3(nsenter.File(FileOutput), 1, 0)
	c.Dup3(nsenter.File(FileOutput), 2, 0)
	if in.Confined {
		if err := c.confine(); err != nil {
			return err
		}
	}
	// a file that is there may have no interpreter, which execve does not tell apart
	c.Label("looking for " + in.Hook.Path)
	c.Openat(nsenter.CWD, in.Hook.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err := c.goOn(3); err != nil { // with a session of its own: /dev/tty must not be the caller's terminal
		return err
	}
	c.filter(beforeExecve)
	args := in.Hook.Args
	if len(args) == 0 {
		args = []string{in.Hook.Path}
	}
	c.Label("executing " + in.Hook.Path)
	c.Execve(in.Hook.Path, c.Strings(args), c.Strings(in.Hook.Env))
	c.executes = len(c.Steps)
	return nil
}

// confine makes the process what the container's process will be.
func (c *compiler) confine() error {
	c.Label("entering the container's root")
	c.Openat(nsenter.CWD, "/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0).Into(c.root)
	if err := c.existingWorkingDirectory(); err != nil {
		return err
	}
	if err := c.credentials(); err != nil {
		return err
	}
	c.enterAsUser(c.proc.Cwd)
	return nil
}

// hooks waits for the hooks that see the container's mounts from before the
// root is changed.
func (c *compiler) hooks() error {
	h := c.in.Spec.Hooks
	//lint:ignore SA1019 prestart hooks are deprecated, not gone
	if h == nil || len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer) == 0 {
		return nil
	}
	c.about("hooks", "waiting for the prestart, createRuntime and createContainer hooks")
	c.sync(TagHooks)
	return nil
}
