package failure

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/logs"
	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// TestFailureTexts holds the words by which clients tell failures apart: docker
// and podman make exit codes of them, containerd and CRI-O errors.
func TestFailureTexts(t *testing.T) {
	const (
		podmanDenied  = `(?i)permission denied|operation not permitted`
		podmanMissing = `(?i)executable file not found in|no such file or directory|open executable`
	)
	app := nsenter.StepError{Name: "execve", Path: "/bin/app"}
	inPath := nsenter.StepError{Name: "openat", Purpose: nsenter.Purpose{
		Kind: birth.KindNotInPath, Label: `exec: "app": executable file not found in $PATH`,
	}}
	stat := nsenter.StepError{Name: "openat", Purpose: nsenter.Purpose{
		Kind: birth.KindNoExecutable, Label: `exec: "/a/app": stat /a/app`,
	}}
	proc := nsenter.StepError{Name: "fsmount", Purpose: nsenter.Purpose{Label: "mounting proc on /proc"}}
	for _, c := range []struct {
		step    nsenter.StepError
		errno   unix.Errno
		want    string
		clients string // pattern
	}{
		{app, unix.ENOENT, "exec /bin/app: no such file or directory", podmanMissing},
		{app, unix.EACCES, "exec /bin/app: permission denied", podmanDenied},
		{app, unix.ENOEXEC, "exec /bin/app: exec format error", ""},
		{app, unix.EPERM, "exec /bin/app: operation not permitted", podmanDenied},
		{inPath, unix.ENOENT, startPrefix + inPath.Label, podmanMissing},
		{stat, unix.ENOENT, startPrefix + stat.Label + ": no such file or directory", podmanMissing},
		{stat, unix.ENOTDIR, startPrefix + stat.Label + ": not a directory", `not a directory`},
		{proc, unix.EPERM, "mounting proc on /proc: fsmount: operation not permitted", podmanDenied},
	} {
		c.step.Errno = c.errno
		err := OfStep(&c.step)
		if err.Error() != c.want || !errors.Is(err, c.errno) {
			t.Errorf("%v, want %s", err, c.want)
		}
		if !regexp.MustCompile(c.clients).MatchString(err.Error()) {
			t.Errorf("%v does not match %s", err, c.clients)
		}
	}
	if err := Start(unix.ENOENT); err.Error() != "unable to start container process: no such file or directory" ||
		!errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
}

func TestOtherErrorsAreNotHinted(t *testing.T) {
	err := fmt.Errorf("writing: %w", unix.EACCES)
	if got := OfStep(err); got != err {
		t.Errorf("%v became %v", err, got)
	}
}

func TestHints(t *testing.T) {
	for _, c := range []struct {
		purpose nsenter.Purpose
		call    string
		errno   unix.Errno
		hint    string // a part of it, "" if there is to be none
	}{
		{nsenter.Purpose{}, "execve", unix.ENOENT, "interpreter or dynamic loader"},
		{nsenter.Purpose{}, "execve", unix.EACCES, "noexec"},
		{nsenter.Purpose{}, "execve", unix.ENOEXEC, "another architecture"},
		{nsenter.Purpose{}, "execve", unix.ENOMEM, ""},
		{nsenter.Purpose{}, "prlimit64", unix.EPERM, "CAP_SYS_RESOURCE"},
		{nsenter.Purpose{Property: birth.PropertyOOMScoreAdj}, "write", unix.EACCES, "CAP_SYS_RESOURCE"},
		{nsenter.Purpose{Property: "linux.sysctl[a]"}, "write", unix.EACCES, ""},
		{nsenter.Purpose{}, "openat2", unix.ELOOP, "symbolic link"},
		{nsenter.Purpose{}, "openat2", unix.EXDEV, "leads out"},
		{nsenter.Purpose{Kind: birth.KindBind}, "move_mount", unix.ENOTDIR, "cannot be mounted on one another"},
		{nsenter.Purpose{Kind: birth.KindBind}, "move_mount", unix.EINVAL, "cannot be mounted on one another"},
		{nsenter.Purpose{Kind: birth.KindBind}, "openat2", unix.ENOTDIR, "cannot be mounted on one another"},
		{nsenter.Purpose{}, "move_mount", unix.EINVAL, ""},
		{nsenter.Purpose{}, "open_tree", unix.EINVAL, "use rbind"},
		{nsenter.Purpose{}, "test", unix.ECANCELED, "rung itself was ended"},
		{nsenter.Purpose{}, "sethostname", unix.EPERM, ""},
	} {
		hint := hintFor(&nsenter.StepError{Purpose: c.purpose, Name: c.call, Errno: c.errno})
		if (hint == "") != (c.hint == "") || !strings.Contains(hint, c.hint) {
			t.Errorf("%+v: %s: %v: the hint is %q", c.purpose, c.call, c.errno, hint)
		}
		noClientWords(t, hint)
	}
}

// TestLabelsAreForPeople lets each step of programs fail in many ways, and then once
// more with other labels: nothing of a failure is different but the label.
func TestLabelsAreForPeople(t *testing.T) {
	s := spec.Default()
	score := -5
	s.Process.OOMScoreAdj, s.Process.Terminal = &score, false
	s.Mounts = append(s.Mounts, specs.Mount{Destination: "/srv", Type: "bind", Source: "/srv"})
	for _, name := range []string{"sh", "/bin/sh"} {
		s.Process.Args = []string{name}
		in := &birth.Input{Spec: s, Host: &birth.Host{Rootfs: "/rootfs"}, Behind: true,
			Candidates: []string{"/sbin/sh", "/bin/sh"}}
		b, err := birth.Compile(in)
		if err != nil {
			t.Fatal(err)
		}
		b.Program.Label("cloning")
		b.Program.Clone(0, nsenter.ReportChild())
		for i := range b.Program.Steps {
			step := &b.Program.Steps[i]
			before := told(b.Program, i)
			label := step.Label
			step.Label = "x"
			after := told(b.Program, i)
			step.Label = label
			if before = strings.ReplaceAll(before, label, "x"); before != after {
				t.Fatalf("step %d (%s):\n%s\nbecame\n%s", i, label, before, after)
			}
		}
	}
}

// told is all that is told of a step's failures, by who has the program and by who has
// notes of it.
func told(p *nsenter.Program, step int) (text string) {
	noted := nsenter.Noted(string(p.Notes(step)), step)
	for _, errno := range []unix.Errno{unix.ENOENT, unix.EACCES, unix.EINVAL, unix.ENOTDIR, unix.EXDEV,
		unix.ECANCELED} {
		direct := OfStep(p.Failure(nsenter.Report{Failed: step, Errno: errno}))
		noted.Errno = errno
		text += fmt.Sprintln(direct, logs.FieldsOf(direct), OfStep(noted), logs.FieldsOf(OfStep(noted)))
	}
	return text
}

func TestFailureFields(t *testing.T) {
	err := OfStep(&nsenter.StepError{Step: 7, Name: "execve", Path: "/x", Errno: unix.ENOENT,
		Purpose: nsenter.Purpose{Property: "process.args"}})
	var failure *Step
	if !errors.As(err, &failure) {
		t.Fatalf("%T", err)
	}
	want := []logs.Field{{Key: "step", Value: "7"}, {Key: "syscall", Value: "execve"}, {Key: "errno", Value: "ENOENT"},
		{Key: "path", Value: "/x"},
		{Key: "property", Value: "process.args"},
		{Key: "hint", Value: hintFor(failure.StepError)}}
	if got := failure.Fields(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	failure = &Step{StepError: &nsenter.StepError{Name: "setsid", Errno: unix.EPERM}}
	if got := failure.Fields(); len(got) != 3 {
		t.Errorf("%v", got)
	}
}
