package failure

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/logs"
	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/libcontainer/userns"
)

// advised is an error of the launcher's own with the way out. The hint is a
// field of the log and no part of the message, in which clients look for words;
// they may look at the whole line, so no hint has those words either.
type advised struct {
	error
	hint string
}

func (e *advised) Unwrap() error { return e.error }

func (e *advised) Fields() []logs.Field { return []logs.Field{{Key: "hint", Value: e.hint}} }

// Advise adds a hint to an error; there may be neither.
func Advise(err error, hint string) error {
	if err == nil || hint == "" {
		return err
	}
	return &advised{err, hint}
}

// OfBundle is about a config.json that cannot be read.
func OfBundle(err error) error { return Advise(err, bundleHint(err)) }

// OfStore is about a container's id that is taken, or that no container has, and about a
// store that is another user's.
func OfStore(err error, root string) error { return Advise(err, storeHint(err, root)) }

// OfImage is about the image of the first process, which cannot be executed.
func OfImage(err error) error { return Advise(err, imageHint(err)) }

// OfLaunch is about a clone3 that failed with these flags.
func OfLaunch(err error, flags uint64) error { return Advise(err, launchHint(err, flags)) }

// OfMaps is about the maps of a user namespace that the kernel refuses.
func OfMaps(err error) error { return Advise(err, mapsHint(err)) }

func bundleHint(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "a bundle has config.json and a root filesystem: --bundle DIR names it, and rung spec makes a " +
			"config.json"
	}
	return ""
}

func storeHint(err error, root string) string {
	switch {
	case errors.Is(err, store.ErrExist):
		return "rung list shows it; take another ID, or rung delete that one"
	case errors.Is(err, store.ErrNotExist):
		return "rung looks for containers in " + root + " (--root); rung list shows those that it has"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.EROFS):
		return "the state of containers is in " + root +
			", where this user may not work: run rung as root, name another directory by --root, or set " +
			"XDG_RUNTIME_DIR, as a login does to /run/user/" + strconv.Itoa(os.Geteuid())
	}
	return ""
}

func imageHint(err error) string {
	if errors.Is(err, unix.EACCES) {
		return "memory may not be executed here (sysctl vm.memfd_noexec=2, or a security policy), nor a file where " +
			"rung tried: --image-dir DIR names a directory on a mount without noexec"
	}
	return ""
}

func launchHint(err error, flags uint64) string {
	switch {
	case errors.Is(err, unix.EACCES):
		return imageHint(err)
	case errors.Is(err, unix.ENOSPC):
		return "a limit on the number of namespaces is reached: sysctl user.max_*_namespaces, or they are nested " +
			"32 deep"
	case errors.Is(err, unix.EINVAL):
		return "the kernel was built without a namespace that linux.namespaces asks for: rung check tells which"
	case errors.Is(err, unix.EPERM):
		if flags&unix.CLONE_NEWUSER != 0 {
			return userNamespaceHint()
		}
		return "new namespaces need CAP_SYS_ADMIN, or a new user namespace beside them, as rung spec --rootless " +
			"describes it: run rung as root, or add one to linux.namespaces"
	}
	return ""
}

// userNamespaceHint names the sysctl that keeps a user from making user
// namespaces.
func userNamespaceHint() string { return userNamespaceSwitch(os.ReadFile) }

func userNamespaceSwitch(readFile func(string) ([]byte, error)) string {
	for _, s := range [...]struct{ name, file, off string }{
		{"user.max_user_namespaces", "/proc/sys/user/max_user_namespaces", "0"},
		// of Debian and Arch
		{"kernel.unprivileged_userns_clone", "/proc/sys/kernel/unprivileged_userns_clone", "0"},
		// of Ubuntu
		{"kernel.apparmor_restrict_unprivileged_userns", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"},
	} {
		if value, err := readFile(s.file); err == nil && string(bytes.TrimSpace(value)) == s.off {
			return "user namespaces are switched off by sysctl " + s.name + "=" + s.off
		}
	}
	return "user namespaces are kept from this user by a security policy, such as a seccomp filter of a container " +
		"around rung"
}

func mapsHint(err error) string {
	helper, _ := errors.AsType[*userns.HelperError](err)
	switch {
	case helper != nil && errors.Is(err, exec.ErrNotFound):
		return "a user can map no more than the own id without " + helper.Program +
			": install it (Debian: uidmap, Fedora: shadow-utils-subid), or map that alone, as rung spec --rootless " +
			"does"
	case helper != nil:
		return helper.Program + " maps the ranges that /etc/subuid and /etc/subgid give to this user, and the own " +
			"id; it has to be setuid root or to have capabilities, and no_new_privs must not be set: rung check tells"
	case errors.Is(err, unix.EPERM):
		return "to map ids takes CAP_SETUID and CAP_SETGID, and to map 0 CAP_SETFCAP; only ids that are there in the " +
			"user namespace of rung itself can be mapped"
	case errors.Is(err, unix.EINVAL):
		return "ranges of a map must not overlap, and there may be 340 of them: user_namespaces(7)"
	}
	return ""
}
