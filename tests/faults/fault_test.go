package faults

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/nsenter"
)

// A fault says what is to go wrong, or only to be watched, in one call of rung.
// It is told to that process in JSON.
type fault struct {
	Trace bool  // report steps and actions
	Fail  place // this step fails
	Hold  place // stop here until the control socket is shut down
}

// A place in the birth of a container: before a step of a program, or before
// one of the launcher's actions, each counted from 0.
type place struct {
	Where string // birth, sources or action; empty: nowhere
	Index int
}

const (
	inBirth   = "birth"
	inSources = "sources"
	atAction  = "action"
)

func (p place) String() string { return fmt.Sprintf("%s %d", p.Where, p.Index) }

// A class says what a failure of a step means.
type class string

const (
	fatal     class = "fatal"     // the container cannot be made
	tolerated class = "tolerated" // every errno is
	unfailing class = "unfailing" // a jump, or an exit
)

// failing is what a step becomes that fails: a call that gives an errno for
// which the step has no rule but to fail.
func failing(s nsenter.Step) (nsenter.Step, class) {
	switch {
	case s.Op == nsenter.OpTest && s.Rules[0].Action != nsenter.Fail, s.Nr == unix.SYS_EXIT_GROUP &&
		s.Op == nsenter.OpCall:
		return s, unfailing
	case s.Op == nsenter.OpTest: // 0 & 0 == 1
		s.Invert = false
		s.Args = []nsenter.Arg{nsenter.Int(0), nsenter.Int(0), nsenter.Int(1)}
		return s, fatal
	}
	for _, call := range [...]struct {
		nr    uintptr
		errno unix.Errno
	}{{unix.SYS_CLOSE, unix.EBADF}, {0xffff, unix.ENOSYS}} {
		if !tolerates(&s, call.errno) {
			s.Nr, s.Args = call.nr, []nsenter.Arg{nsenter.Int(-1)}
			return s, fatal
		}
	}
	return s, tolerated
}

func tolerates(s *nsenter.Step, errno unix.Errno) bool {
	for _, r := range s.Rules {
		if (r.Errno == errno || r.Errno == nsenter.AnyErrno) && r.Action != nsenter.Repeat {
			return r.Action == nsenter.Continue || r.Action == nsenter.Jump
		}
	}
	return false
}

// rewrite puts the fault into a birth program.
func (f *fault) rewrite(b *birth.Birth) error {
	if f.Trace {
		send("ready", b.Ready)
	}
	ready := b.Ready
	type named struct {
		name string
		*nsenter.Program
	}
	programs := []named{{inBirth, b.Program}}
	for _, p := range b.Sources {
		programs = append(programs, named{inSources, p})
	}
	for _, program := range programs {
		for i := len(program.Steps) - 1; i >= 0; i-- {
			here := place{program.name, i}
			step, class := failing(program.Steps[i])
			if f.Fail == here {
				program.Steps[i] = step
				send("fails", step.Label)
			}
			var added []nsenter.Step
			if f.Trace {
				send("step", here, class, step.Label)
				added = append(added, tell(step.Label, "at %v", here))
			}
			if f.Hold == here {
				added = append(added, tell(step.Label, "held at %v", here), wait(step.Label))
			}
			program.InsertBefore(i, added...)
			if program.name == inBirth && i < ready {
				b.Ready += len(added)
			}
		}
	}
	return nil
}

// tell is a step that sends a message on the control socket.
func tell(label, format string, args ...any) nsenter.Step {
	text := fmt.Appendf(nil, format, args...)
	return nsenter.Step{Op: nsenter.OpCall, Nr: unix.SYS_WRITE, Purpose: nsenter.Purpose{Label: label},
		Args:  []nsenter.Arg{nsenter.Int(controlFd), nsenter.Bytes(text), nsenter.Int(len(text))},
		Rules: []nsenter.Rule{{Errno: nsenter.AnyErrno, Action: nsenter.Continue}}}
}

// wait is a step that waits until the control socket is shut down.
func wait(label string) nsenter.Step {
	return nsenter.Step{Op: nsenter.OpCall, Nr: unix.SYS_READ, Purpose: nsenter.Purpose{Label: label},
		Args:  []nsenter.Arg{nsenter.Int(controlFd), nsenter.Address(nsenter.Buffer(8).At(0)), nsenter.Int(8)},
		Rules: []nsenter.Rule{{Errno: nsenter.AnyErrno, Action: nsenter.Continue}}}
}

// send sends a message on the control socket.
func send(words ...any) {
	text := strings.TrimSuffix(fmt.Sprintln(words...), "\n")
	if _, err := unix.Write(controlFd, []byte(text)); err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
}
