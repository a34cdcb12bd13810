package nsenter

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// timesBase is where the file of a timed program is mapped: below the image, in
// whose memory there is no room for it. Room for 65536 stamps of 16 bytes.
const timesBase = 0x200000

const stampSize = 16 // struct timespec

// Timing tells when a program came to which step.
type Timing struct {
	// Steps are those that were timed, in their order.
	Steps []TimedStep
	// Clock is what the times are of: clock_gettime(2).
	Clock int32

	moved []int
}

// TimedStep is a step as it was before its program was changed.
type TimedStep struct {
	Index int
	Label string
	Name  string // of the system call
}

// Time changes the program so that it writes down when it comes to each of its
// system calls, in a file that it shares with the launcher: before each stands a
// clock_gettime(2) with a place of its own in the file. file names its
// descriptor; the file has t.Size() bytes. The first step has to be that of
// [Program.MapReport].
//
// Behind a step that loads a seccomp filter none is timed unless the filter allows
// clock_gettime, as allowed says. What is done there becomes a part of the label
// of the step before. Nor are tests, which take no time, and exits,
// which a process runs beside the one that goes on.
func (p *Program) Time(file string, clock int32, allowed bool) *Timing {
	t := &Timing{Clock: clock, moved: make([]int, len(p.Steps)+1)}
	steps := make([]Step, 0, 2*len(p.Steps)+2)
	filtered, again := false, p.executesAgain()
	for i, s := range p.Steps {
		t.moved[i] = len(steps)
		if s.Op == OpCall && s.Nr != unix.SYS_EXIT_GROUP && i > 0 && !filtered {
			steps = append(steps, t.stamp(&s, i))
		}
		steps = append(steps, s)
		if i == 0 {
			steps = append(steps, t.mapFile(s.Purpose, file, again)...)
		}
		if n := len(t.Steps) - 1; n >= 0 && filtered && s.Op == OpCall && s.Label != p.Steps[i-1].Label {
			t.Steps[n].Label += "; " + s.Label
		}
		filtered = filtered || !allowed && s.Op == OpCall && s.Nr == unix.SYS_SECCOMP
	}
	t.moved[len(p.Steps)] = len(steps)
	p.Steps = steps
	for i, to := range p.targets {
		if to >= 0 {
			p.targets[i] = t.moved[to]
		}
	}
	p.parked = t.moved[p.parked]
	// the size is known now that all are counted
	steps[1].Args[1] = Int(t.Size())
	return t
}

// mapFile maps the file, and closes it unless that is to be done again.
func (t *Timing) mapFile(purpose Purpose, file string, again bool) []Step {
	steps := []Step{{Op: OpCall, Nr: unix.SYS_MMAP, Purpose: purpose, Args: []Arg{
		Int(timesBase), {}, Int(unix.PROT_READ | unix.PROT_WRITE), Int(unix.MAP_SHARED | unix.MAP_FIXED),
		File(file), Int(0)}}}
	if !again {
		steps = append(steps, Step{Op: OpCall, Nr: unix.SYS_CLOSE, Purpose: purpose, Args: []Arg{File(file)}})
	}
	return steps
}

func (t *Timing) stamp(s *Step, index int) Step {
	at := timesBase + stampSize*len(t.Steps)
	t.Steps = append(t.Steps, TimedStep{index, s.Label, s.CallName()})
	return Step{Op: OpCall, Nr: unix.SYS_CLOCK_GETTIME, Purpose: s.Purpose, Args: []Arg{Int(t.Clock), Int(at)},
		Rules: []Rule{{Errno: AnyErrno, Action: Continue}}}
}

// Size is the size of the file, in bytes.
func (t *Timing) Size() int { return max(stampSize*len(t.Steps), 1) }

// Moved is the index of what stands for the step now that had this one before.
func (t *Timing) Moved(index int) int { return t.moved[index] }

// Times are the times in the file, one for each of t.Steps, 0 for a step that
// the program did not come to.
func (t *Timing) Times(file []byte) []time.Duration {
	times := make([]time.Duration, len(t.Steps))
	for i := range times {
		if len(file) < stampSize*(i+1) {
			break
		}
		b := file[stampSize*i:]
		seconds, nanoseconds := binary.NativeEndian.Uint64(b), binary.NativeEndian.Uint64(b[8:])
		times[i] = time.Duration(seconds)*time.Second + time.Duration(nanoseconds)
	}
	return times
}
