package nsenter

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestInsertBefore follows the calls of a program with jumps over, to and past
// the place where steps are added.
func TestInsertBefore(t *testing.T) {
	program := func() *Program {
		p := New()
		to, past, end := p.Target(), p.Target(), p.Target()
		p.call(10).JumpOn(unix.EPERM, to)
		p.call(11)
		p.Place(to)
		p.call(12).JumpOn(unix.EPERM, past)
		p.call(13)
		p.Place(past)
		p.call(14)
		p.Goto(end)
		p.call(15)
		p.Place(end)
		return p
	}
	for _, c := range []struct {
		i    int
		want []uintptr
	}{
		{0, []uintptr{20, 21, 10, 12, 14}},
		{1, []uintptr{10, 12, 14}}, // jumped over with what it stands before
		{2, []uintptr{10, 20, 21, 12, 14}},
		{3, []uintptr{10, 12, 14}},
		{4, []uintptr{10, 12, 20, 21, 14}},
		{6, []uintptr{10, 12, 14}},
		{7, []uintptr{10, 12, 14, 20, 21}},
	} {
		p := program()
		p.InsertBefore(c.i, Step{Op: OpCall, Nr: 20}, Step{Op: OpCall, Nr: 21})
		m, err := Assemble(p, nil)
		if err != nil {
			t.Fatalf("before step %d: %v", c.i, err)
		}
		var calls []uintptr
		in := &Interpreter{Syscall: func(nr uintptr, _ [6]uint64) (uint64, unix.Errno) {
			if nr == unix.SYS_EXIT_GROUP {
				return 0, 0
			}
			calls = append(calls, nr)
			if nr == 10 || nr == 12 {
				return 0, unix.EPERM
			}
			return 0, 0
		}}
		if _, err := in.Run(m); err != nil {
			t.Fatalf("before step %d: %v", c.i, err)
		}
		if !slices.Equal(calls, c.want) {
			t.Errorf("before step %d: the calls were %d, want %d", c.i, calls, c.want)
		}
	}
}
