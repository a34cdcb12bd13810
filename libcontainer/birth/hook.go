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

	// Confined has the process live under the container's restrictions. A
	// startContainer hook is a file of the image: with the rights of the caller in
	// the container's namespaces it could leave them. Its limits and its umask are
	// the caller's, though.
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
// changed, the container's after. It has no side effects.
func CompileHook(in *HookInput) (*nsenter.Program, error) {
	c := newCompiler(&in.Input)
	if err := c.classifyNamespaces(); err != nil {
		return nil, err
	}
	c.Label("joining the container")
	c.MapReport(FileReport)
	c.hide()
	c.DropGroups().Ignore(unix.EPERM) // the caller's mean something on the host
	for _, name := range in.Host.CgroupFiles {
		c.Write(nsenter.File(FileCgroup+name), "0")
	}
	joinNamespaces(c.Program, in.Namespaces)
	if in.Namespaces&forChildren != 0 {
		goOnInChild(c.Program, 0)
	}
	c.Label("preparing the hook")
	c.Setsid() // /dev/tty must not be the caller's terminal
	c.UnblockSignals()
	if in.Confined {
		c.JoinSessionKeyring("").
			Ignore(unix.ENOSYS, unix.EDQUOT, unix.EPERM, unix.EACCES)
		if !c.mountNS {
			c.Chroot(in.Host.Rootfs)
		}
	}
	c.Chdir("/")
	if in.Namespaces&unix.CLONE_NEWUSER != 0 {
		becomeRoot(c.Program)
	}
	c.Dup3(nsenter.File(FileStdin), 0, 0)
	c.Dup3(nsenter.File(FileOutput), 1, 0)
	c.Dup3(nsenter.File(FileOutput), 2, 0)
	c.CloseRange(3, ^uint32(0), unix.CLOSE_RANGE_CLOEXEC)
	if in.Confined {
		if err := c.restrict(); err != nil {
			return nil, err
		}
	}
	args := in.Hook.Args
	if len(args) == 0 {
		args = []string{in.Hook.Path}
	}
	c.MarkReached()
	c.Label("executing " + in.Hook.Path)
	c.Execve(in.Hook.Path, c.Strings(args), c.Strings(in.Hook.Env))
	return c.Program, nil
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
