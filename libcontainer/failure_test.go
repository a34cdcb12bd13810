package libcontainer

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/logs"
	"github.com/rung-oci/rung/nsenter"
)

// TestFailureTexts holds the words by which clients tell failures apart: docker
// and podman make exit codes of them, containerd and CRI-O errors.
func TestFailureTexts(t *testing.T) {
	const (
		podmanDenied  = `(?i)permission denied|operation not permitted`
		podmanMissing = `(?i)executable file not found in|no such file or directory|open executable`
	)
	for _, c := range []struct {
		label, call string
		errno       unix.Errno
		want        string
		clients     string // pattern
	}{
		{"executing /bin/app", "execve", unix.ENOENT, "exec /bin/app: no such file or directory", podmanMissing},
		{"executing /bin/app", "execve", unix.EACCES, "exec /bin/app: permission denied", podmanDenied},
		{"executing /bin/app", "execve", unix.ENOEXEC, "exec /bin/app: exec format error", ""},
		{"executing /bin/app", "execve", unix.EPERM, "exec /bin/app: operation not permitted", podmanDenied},
		{`exec: "app": executable file not found in $PATH`, "openat", unix.ENOENT, `unable to start container process: exec: "app": executable file not found in $PATH`, podmanMissing},
		{`exec: "/a/app": stat /a/app`, "openat", unix.ENOENT, `unable to start container process: exec: "/a/app": stat /a/app: no such file or directory`, podmanMissing},
		{`exec: "/a/app": stat /a/app`, "openat", unix.ENOTDIR, `unable to start container process: exec: "/a/app": stat /a/app: not a directory`, `not a directory`},
		{"mounting proc on /proc", "fsmount", unix.EPERM, "mounting proc on /proc: fsmount: operation not permitted", podmanDenied},
	} {
		err := hinted(&nsenter.StepError{Label: c.label, Name: c.call, Errno: c.errno})
		if err.Error() != c.want || !errors.Is(err, c.errno) {
			t.Errorf("%v, want %s", err, c.want)
		}
		if !regexp.MustCompile(c.clients).MatchString(err.Error()) {
			t.Errorf("%v does not match %s", err, c.clients)
		}
	}
	if err := startError(unix.ENOENT); err.Error() != "unable to start container process: no such file or directory" || !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
}

func TestOtherErrorsAreNotHinted(t *testing.T) {
	err := fmt.Errorf("writing: %w", unix.EACCES)
	if got := hinted(err); got != err {
		t.Errorf("%v became %v", err, got)
	}
}

func TestHints(t *testing.T) {
	for _, c := range []struct {
		label, call string
		errno       unix.Errno
		hint        string // a part of it, "" if there is to be none
	}{
		{"executing /x", "execve", unix.ENOENT, "interpreter or dynamic loader"},
		{"executing /x", "execve", unix.EACCES, "noexec"},
		{"executing /x", "execve", unix.ENOEXEC, "another architecture"},
		{"executing /x", "execve", unix.ENOMEM, ""},
		{"setting the limit RLIMIT_NOFILE", "prlimit64", unix.EPERM, "CAP_SYS_RESOURCE"},
		{"setting process.oomScoreAdj", "write", unix.EACCES, "CAP_SYS_RESOURCE"},
		{"setting the sysctl a", "write", unix.EACCES, ""},
		{"mounting proc on /proc", "openat2", unix.ELOOP, "symbolic link"},
		{"setting the sysctl a", "openat2", unix.EXDEV, "leads out"},
		{"binding /a to /b", "move_mount", unix.ENOTDIR, "cannot be mounted on one another"},
		{"binding /a to /b", "move_mount", unix.EINVAL, "cannot be mounted on one another"},
		{"binding /a to /b", "openat2", unix.ENOTDIR, "cannot be mounted on one another"},
		{"mounting proc on /proc", "move_mount", unix.EINVAL, ""},
		{"opening the bind source /a", "open_tree", unix.EINVAL, "use rbind"},
		{"waiting for start", "test", unix.ECANCELED, "rung itself was ended"},
		{"setting the hostname", "sethostname", unix.EPERM, ""},
	} {
		hint := hintFor(&nsenter.StepError{Label: c.label, Name: c.call, Errno: c.errno})
		if (hint == "") != (c.hint == "") || !strings.Contains(hint, c.hint) {
			t.Errorf("%s: %s: %v: the hint is %q", c.label, c.call, c.errno, hint)
		}
		noClientWords(t, hint)
	}
}

func TestFailureFields(t *testing.T) {
	err := hinted(&nsenter.StepError{Step: 7, Label: "executing /x", Name: "execve", Path: "/x", Errno: unix.ENOENT})
	var failure *stepFailure
	if !errors.As(err, &failure) {
		t.Fatalf("%T", err)
	}
	want := []logs.Field{{Key: "step", Value: "7"}, {Key: "syscall", Value: "execve"}, {Key: "errno", Value: "ENOENT"}, {Key: "path", Value: "/x"},
		{Key: "hint", Value: hintFor(failure.StepError)}}
	if got := failure.Fields(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	failure = &stepFailure{StepError: &nsenter.StepError{Name: "setsid", Errno: unix.EPERM}}
	if got := failure.Fields(); len(got) != 3 {
		t.Errorf("%v", got)
	}
}
