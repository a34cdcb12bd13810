package nsenter

import (
	"encoding/binary"
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
		{"all", reportPage(7, 6, 22, 4711, "e proc: bad\n\x00left over"),
			Report{Step: 7, Failed: 5, Errno: unix.EINVAL, Child: 4711, Message: "e proc: bad"}},
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
