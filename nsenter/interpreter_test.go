package nsenter

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRepeats counts calls: a step is made once and then again as often as its
// rules say; rules of one step share the count, other steps have their own.
func TestRepeats(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules func(c Call)
		calls int
	}{
		{"no rule", func(Call) {}, 1},
		{"again", func(c Call) { c.RepeatOn(unix.EBADF, 5) }, 6},
		{"not at all", func(c Call) { c.RepeatOn(unix.EBADF, 0) }, 1},
		{"on another errno", func(c Call) { c.RepeatOn(unix.EINTR, 5) }, 1},
		{"one after the other", func(c Call) { c.RepeatOn(unix.EBADF, 5).RepeatOn(AnyErrno, 7) }, 8},
	} {
		p := New()
		for range 2 {
			c.rules(bad(p))
			p.Steps[len(p.Steps)-1].Rules = append(p.Steps[len(p.Steps)-1].Rules, Rule{Errno: AnyErrno})
		}
		m, err := Assemble(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		in := &Interpreter{Syscall: func(nr uintptr, _ [6]uint64) (uint64, unix.Errno) {
			if nr == unix.SYS_EXIT_GROUP {
				return 0, 0
			}
			calls++
			return 0, unix.EBADF
		}}
		if r, err := in.Run(m); err != nil || r.Failed >= 0 || calls != 2*c.calls {
			t.Errorf("%s: %d calls, want %d; %+v, %v", c.name, calls, 2*c.calls, r, err)
		}
	}
}

func TestInterpreterMinds(t *testing.T) {
	p := New()
	p.call(unix.SYS_GETPID).IntoRef(InReport(ReportSize - 4))
	m, err := Assemble(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	in := &Interpreter{Syscall: func(uintptr, [6]uint64) (uint64, unix.Errno) { return 1, 0 }}
	if _, err := in.Run(m); err == nil || !strings.Contains(err.Error(), "outside of the program's memory") {
		t.Errorf("a result across the end of the report page: %v", err)
	}
	for _, c := range []struct {
		addr uint64
		size int
		ok   bool
	}{
		{programBase, 8, true}, {programBase - 1, 1, false}, {programBase, len(m.ReadOnly), true},
		{programBase, len(m.ReadOnly) + 1, false},
		{reportBase, ReportSize, true}, {reportBase + ReportSize, 1, false},
		{0, 1, false}, {^uint64(0), 1, false}, {programBase + 1, -1, false},
	} {
		if _, err := in.Bytes(c.addr, c.size); (err == nil) != c.ok {
			t.Errorf("%d bytes at %#x: %v", c.size, c.addr, err)
		}
	}
}
