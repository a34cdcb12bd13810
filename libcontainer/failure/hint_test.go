package failure

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/logs"
	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/libcontainer/userns"
	"github.com/rung-oci/rung/nsenter"
)

func TestAdvice(t *testing.T) {
	wrapped := func(err error) error { return fmt.Errorf("somewhere: %w", err) }
	for _, c := range []struct {
		name, got, part string
	}{
		{"no config.json", bundleHint(&fs.PathError{Op: "open", Path: "/config.json", Err: unix.ENOENT}),
			"rung spec makes"},
		{"config.json of another", bundleHint(&fs.PathError{Op: "open", Path: "/config.json", Err: unix.EACCES}), ""},
		{"id is taken", storeHint(wrapped(store.ErrExist), "/r"), "take another ID"},
		{"no container", storeHint(wrapped(store.ErrNotExist), "/r"), "in /r (--root)"},
		{"store of another", storeHint(&fs.PathError{Op: "mkdir", Path: "/r/c", Err: unix.EACCES}, "/r"),
			"another directory by --root"},
		{"other trouble of the store", storeHint(unix.EIO, "/r"), ""},
		{"image on a noexec mount", imageHint(wrapped(unix.EACCES)), "--image-dir DIR"},
		{"image is not executed", launchHint(wrapped(unix.EACCES), 0), "--image-dir DIR"},
		{"no room for the image", imageHint(unix.ENOSPC), ""},
		{"too many namespaces", launchHint(wrapped(unix.ENOSPC), 0), "user.max_*_namespaces"},
		{"unknown namespace", launchHint(unix.EINVAL, 0), "rung check"},
		{"not root", launchHint(unix.EPERM, unix.CLONE_NEWNS), "rung spec --rootless"},
		{"no memory", launchHint(unix.ENOMEM, unix.CLONE_NEWNS), ""},
		{"ranges of subuid", mapsHint(wrapped(&userns.HelperError{Program: "newuidmap", Err: exec.ErrNotFound})),
			"Debian: uidmap"},
		{"no range", mapsHint(wrapped(&userns.HelperError{Program: "newgidmap", Err: unix.EPERM})), "/etc/subgid"},
		{"ids that are not there", mapsHint(wrapped(unix.EPERM)), "CAP_SETFCAP"},
		{"overlap", mapsHint(unix.EINVAL), "overlap"},
		{"no such process", mapsHint(unix.ESRCH), ""},
		{"step: clone", hintFor(&nsenter.StepError{Name: "clone", Errno: unix.EPERM}), "user namespaces are"},
		{"step: unshare", hintFor(&nsenter.StepError{Name: "unshare", Errno: unix.ENOSPC}), "user.max_*_namespaces"},
	} {
		if (c.got == "") != (c.part == "") || !strings.Contains(c.got, c.part) {
			t.Errorf("%s: the hint is %q", c.name, c.got)
		}
		noClientWords(t, c.got)
	}
}

// noClientWords makes sure that a hint, which stands on stderr behind the
// message, has none of the words by which clients judge the message.
func noClientWords(t *testing.T, hint string) {
	t.Helper()
	words := `(?i)permission denied|operation not permitted|executable file not found|no such file or directory|` +
		`open executable|is a directory|not a directory|no such process|container not running|invalid process|` +
		`process already finished|does not exist|already exists`
	if found := regexp.MustCompile(words).FindString(hint); found != "" {
		t.Errorf("the hint %q has the words %q of a message", hint, found)
	}
}

func TestUserNamespaceSwitch(t *testing.T) {
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"/proc/sys/user/max_user_namespaces": "0\n"}, "sysctl user.max_user_namespaces=0"},
		{map[string]string{"/proc/sys/user/max_user_namespaces": "9\n",
			"/proc/sys/kernel/unprivileged_userns_clone": "0\n"}, "sysctl kernel.unprivileged_userns_clone=0"},
		{map[string]string{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n"},
			"sysctl kernel.apparmor_restrict_unprivileged_userns=1"},
		{map[string]string{"/proc/sys/user/max_user_namespaces": "9\n"}, "security policy"},
	} {
		got := userNamespaceSwitch(func(name string) ([]byte, error) {
			if text, ok := c.files[name]; ok {
				return []byte(text), nil
			}
			return nil, unix.ENOENT
		})
		if !strings.Contains(got, c.want) {
			t.Errorf("%v: %q", c.files, got)
		}
	}
}

// A hint is a field of the log beside what the error says otherwise, and no part
// of its message.
func TestAdvise(t *testing.T) {
	cause := &fs.PathError{Op: "mkdir", Path: "/x", Err: unix.EROFS}
	err := fmt.Errorf("outside: %w", Advise(cause, "look there"))
	if !errors.Is(err, unix.EROFS) || err.Error() != "outside: "+cause.Error() {
		t.Errorf("%v", err)
	}
	want := fmt.Sprint([]logs.Field{{Key: "hint", Value: "look there"}, {Key: "syscall", Value: "mkdir"},
		{Key: "path", Value: "/x"}, {Key: "errno", Value: "EROFS"}})
	if got := fmt.Sprint(logs.FieldsOf(err)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if Advise(nil, "x") != nil || Advise(cause, "") != error(cause) {
		t.Error("advice where there is none to give")
	}
}
