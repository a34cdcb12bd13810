// Package failure has what is known about errors beyond their own words: the way out, as
// a hint, and the words that clients of OCI runtimes look for.
package failure

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/logs"
	"github.com/rung-oci/rung/nsenter"
)

// A Step is a failed step with what is known about the way out. For the
// log it has the keys step, syscall, errno, path, property and hint.
type Step struct {
	*nsenter.StepError
	hint string
}

func (e *Step) Unwrap() error { return e.StepError.Errno }

func (e *Step) Error() string {
	switch {
	case e.Name == "execve": // the words that clients know: exec /path: reason
		return "exec " + e.Path + ": " + e.Errno.Error()
	case e.Kind == birth.KindNotInPath:
		return startPrefix + e.Label
	case e.Kind == birth.KindNoExecutable:
		return startPrefix + e.Label + ": " + e.Errno.Error()
	}
	return e.StepError.Error()
}

// Fields are the keys for the log.
func (e *Step) Fields() []logs.Field {
	fields := []logs.Field{
		{Key: "step", Value: strconv.Itoa(e.Step)}, {Key: "syscall", Value: e.Name},
		{Key: "errno", Value: unix.ErrnoName(e.Errno)},
	}
	for _, f := range [...]logs.Field{{Key: "path", Value: e.Path}, {Key: "property", Value: e.Property},
		{Key: "hint", Value: e.hint}} {
		if f.Value != "" {
			fields = append(fields, f)
		}
	}
	return fields
}

// OfStep gives a failed step a hint where its errno alone misleads.
func OfStep(err error) error {
	step, ok := errors.AsType[*nsenter.StepError](err)
	if !ok {
		return err
	}
	if mismatched(step) && step.Errno == unix.EINVAL {
		named := *step
		named.Message = unix.ENOTDIR.Error()
		step = &named
	}
	return &Step{step, hintFor(step)}
}

// mismatched reports whether a file was to be bound onto a directory, or the other way
// round. move_mount(2) has EINVAL for it, which has no other cause for a mount that was
// just opened (do_move_mount of fs/namespace.c). mount(2) has ENOTDIR, whose words
// Docker knows.
func mismatched(e *nsenter.StepError) bool {
	if e.Kind != birth.KindBind {
		return false
	}
	return e.Name == "move_mount" && (e.Errno == unix.EINVAL || e.Errno == unix.ENOTDIR) ||
		e.Name == "openat2" && e.Errno == unix.ENOTDIR
}

func hintFor(e *nsenter.StepError) string {
	switch {
	case e.Name == "execve" && e.Errno == unix.ENOENT:
		return "the file is there: its interpreter or dynamic loader is missing in the container"
	case e.Name == "execve" && e.Errno == unix.EACCES:
		return "the file is not executable for the user, or it lies on a mount with noexec"
	case e.Name == "execve" && e.Errno == unix.ENOEXEC:
		return "the file is no program of this machine: another architecture, or a script without #!"
	case e.Kind == birth.KindHostNode && e.Errno == unix.ENODEV:
		return "what the host has at this path is another device than the config describes"
	case e.Kind == birth.KindHostNode && e.Errno == unix.ENOENT:
		return "the device is missing there; root of the machine alone can make device nodes"
	case e.Kind == birth.KindProcfs && e.Errno == unix.EPERM:
		return procfsHint
	case e.Property == "process.user" && e.Errno == unix.EINVAL:
		return "the user namespace maps no such id"
	case e.Property == "linux.sysctl[net.ipv4.ping_group_range]" && e.Errno == unix.EINVAL:
		return "both groups have to be mapped by linux.gidMappings"
	case e.Property == birth.PropertyRootPath && e.Errno == unix.EACCES:
		return "the users of the container cannot reach it, none of whom is this one: map the own id, too, or let " +
			"others search the directories above"
	case e.Name == "execve" && e.Errno == unix.ENOSYS:
		return "linux.seccomp: the profile denies execve in this way, or has an agent asked about it that has ended"
	case e.Name == "prlimit64" && e.Errno == unix.EPERM:
		return "a hard limit above the caller's needs CAP_SYS_RESOURCE"
	case e.Name == "openat2" && e.Errno == unix.ELOOP:
		return "the image has a symbolic link where none may be"
	case e.Name == "openat2" && e.Errno == unix.EXDEV:
		return "the image leads out of where the path must stay"
	case e.Name == "open_tree" && e.Errno == unix.EINVAL:
		return "other mounts lie below the source, and a user namespace may not see what they cover: use rbind"
	case mismatched(e):
		return "a directory and a file cannot be mounted on one another"
	case e.Name == "write" && e.Property == birth.PropertyOOMScoreAdj:
		return "a lower value than the caller's needs CAP_SYS_RESOURCE"
	case e.Name == "clone": // whose flags are not known here: a new user namespace is why it is in the program
		return launchHint(e.Errno, unix.CLONE_NEWUSER)
	case e.Name == "unshare":
		return launchHint(e.Errno, 0)
	case e.Name == "sendmsg" || e.Errno == unix.ECANCELED:
		return "rung itself was ended"
	}
	return ""
}

// procfsHint is about a procfs that the kernel refuses: mount_too_revealing of fs/namespace.c.
const procfsHint = "a procfs needs a new pid namespace, or has to be bound from /proc; in a container around rung " +
	"nothing of its own /proc may be masked (Docker: --security-opt systempaths=unconfined, Podman: " +
	"--security-opt unmask=ALL, Kubernetes: procMount: Unmasked)"

// Start has the words by which docker, podman and CRI-O know that the
// process itself is at fault (cli-contract of runc).
func Start(err error) error {
	return fmt.Errorf(startPrefix+"%w", err)
}

const startPrefix = "unable to start container process: "
