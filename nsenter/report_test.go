package nsenter

import (
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func reportPage(step, failed, errno, child uint32, message string) []byte {
	b := make([]byte, ReportSize)
	binary.NativeEndian.PutUint32(b[reportProgress:], step)
	binary.NativeEndian.PutUint32(b[reportFailed:], failed)
	binary.NativeEndian.PutUint32(b[reportErrno:], errno)
	binary.NativeEndian.PutUint32(b[reportChild:], child)
	copy(b[reportMessage:], message)
	return b
}

func TestParseReport(t *testing.T) {
	long := make([]byte, ReportSize)
	for i := range long {
		long[i] = 'x'
	}
	for _, c := range []struct {
		name string
		page []byte
		want Report
	}{
		{"nothing", nil, Report{Failed: -1}},
		{"the first step fails", reportPage(0, 1, 9, 0, ""), Report{Failed: 0, Errno: unix.EBADF}},
		{"all", reportPage(7, 6, 22, 4711, "e proc: bad\n\x00left over"), Report{Step: 7, Failed: 5, Errno: unix.EINVAL, Child: 4711, Message: "e proc: bad"}},
		{"a pid that is none", reportPage(7, 0, 0, 1<<32-1, ""), Report{Step: 7, Failed: -1}},
		{"cut off", reportPage(7, 6, 22, 4711, "")[:6], Report{Step: 7, Failed: 5}},
	} {
		if got := ParseReport(c.page); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if got := len(ParseReport(long).Message); got != MaxMessage {
		t.Errorf("a message without an end has %d bytes", got)
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
	p.Call(unix.SYS_MKDIRAT, Int(3), p.String("proc"), Int(0o755))
	p.Label("checking")
	p.Expect(Int(0), 1, 1, unix.ENODEV)
	for _, c := range []struct {
		report Report
		want   string
		path   string
		errno  unix.Errno
	}{
		{Report{Failed: 0, Errno: unix.EROFS}, "mounting proc on /proc: mkdirat: read-only file system", "proc", unix.EROFS},
		{Report{Failed: 0, Errno: unix.EINVAL, Message: "proc: no"}, "mounting proc on /proc: mkdirat: invalid argument (proc: no)", "proc", unix.EINVAL},
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
