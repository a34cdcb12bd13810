package nsenter

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPurpose is what a label does with a kind and a property: it ends them.
func TestPurpose(t *testing.T) {
	p := New()
	p.Label("binding")
	p.Kind(3)
	p.Property("mounts[3]")
	p.Getpid()
	p.Expect(Int(0), 0, 0, unix.EPERM)
	p.Label("leaving")
	p.Getpid()
	bound := Purpose{3, "mounts[3]", "binding"}
	for i, want := range []Purpose{bound, bound, {Label: "leaving"}} {
		if got := p.Steps[i].Purpose; got != want {
			t.Errorf("step %d: %+v, want %+v", i, got, want)
		}
		if err := p.Failure(Report{Failed: i}).(*StepError); err.Purpose != want {
			t.Errorf("the failure of step %d: %+v, want %+v", i, err.Purpose, want)
		}
	}
}

func TestNotes(t *testing.T) {
	p := New()
	p.Label("before")
	p.Getpid()
	p.Label("making\ta\nlink")
	p.Kind(255)
	p.Property("linux.devices[0]")
	p.Symlinkat("to", Int(3), "na\tme")
	p.Label("")
	p.Expect(Int(0), 0, 0, unix.EPERM)
	notes := string(p.Notes(1))
	link := StepError{Step: 1, Name: "symlinkat", Path: `na\tme`,
		Purpose: Purpose{255, "linux.devices[0]", `making\ta\nlink`}}
	older := StepError{Step: 12, Name: "execve", Path: "/bin/sh", Purpose: Purpose{Label: "executing /bin/sh"}}
	for _, c := range []struct {
		notes string
		step  int
		want  *StepError
	}{
		{notes, 0, nil},
		{notes, 1, &link},
		{notes, 2, &StepError{Step: 2, Name: "test"}},
		{notes, 3, nil},
		{"1\tsetsid\t\tnot this\n12\texecve\t/bin/sh\texecuting /bin/sh\n", 12, &older},
		{"12\tsomething else\n", 12, nil},
		{"", 0, nil},
	} {
		got := Noted(c.notes, c.step)
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("step %d of %q: %+v, want %+v", c.step, c.notes, got, c.want)
		}
	}
}

func TestLabelAt(t *testing.T) {
	p := New()
	p.Label("checking")
	p.Expect(Int(0), 1, 1, unix.ENODEV)
	for step, want := range map[int]string{0: "checking", 1: "", 1<<32 - 1: ""} {
		if got := p.LabelAt(step); got != want {
			t.Errorf("step %d: %q, want %q", step, got, want)
		}
	}
}

func TestFailure(t *testing.T) {
	p := New()
	p.Label("mounting proc on /proc")
	p.Mkdirat(Int(3), "proc", 0o755)
	p.Label("checking")
	p.Expect(Int(0), 1, 1, unix.ENODEV)
	for _, c := range []struct {
		report Report
		want   string
		path   string
		errno  unix.Errno
	}{
		{Report{Failed: 0, Errno: unix.EROFS},
			"mounting proc on /proc: mkdirat: read-only file system", "proc", unix.EROFS},
		{Report{Failed: 0, Errno: unix.EINVAL, Message: "proc: no"},
			"mounting proc on /proc: mkdirat: invalid argument (proc: no)", "proc", unix.EINVAL},
		{Report{Failed: 1, Errno: unix.ENODEV}, "checking: test: no such device", "", unix.ENODEV},
	} {
		err := p.Failure(c.report)
		var step *StepError
		if !errors.As(err, &step) || err.Error() != c.want || !errors.Is(err, c.errno) {
			t.Errorf("%v, want %s", err, c.want)
			continue
		}
		if step.Path != c.path || step.Step != c.report.Failed || step.Call != p.StepString(step.Step) {
			t.Errorf("%+v", step)
		}
	}
	if err := p.Failure(Report{Step: 1, Failed: -1, Errno: unix.EPERM}); err != nil {
		t.Errorf("a report without a failure gives %v", err)
	}
	if err := p.Failure(Report{Failed: 99, Errno: unix.EPERM}); !errors.Is(err, unix.EPERM) {
		t.Errorf("a step that the program has not: %v", err)
	}
}
