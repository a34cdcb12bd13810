// Package timeline tells where the time went when a container, or a further process
// of one, was started: what the launcher did when, and what the program of the
// process did meanwhile. A [Recorder]
// collects the times; the [Timeline] that it makes of them is written as a trace
// for a browser or as a chart for a terminal.
package timeline

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Times in a timeline are of CLOCK_MONOTONIC, or where a process is in a time
// namespace of its own, which shifts that clock for it and CLOCK_MONOTONIC_RAW
// too (time_namespaces(7)), of CLOCK_REALTIME. The launcher notes both, because
// it does not know from the start which it will be.
type instant struct{ monotonic, realtime time.Duration }

func now() instant { return instant{read(unix.CLOCK_MONOTONIC), read(unix.CLOCK_REALTIME)} }

func read(clock int32) time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(clock, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

func (i instant) of(clock int32) time.Duration {
	if clock == unix.CLOCK_REALTIME {
		return i.realtime
	}
	return i.monotonic
}

// A Recorder notes what the launcher does. Its methods are called by one
// goroutine; nil notes nothing.
type Recorder struct {
	actions  []action
	executed instant // zero: not yet
	program  Program
}

type action struct {
	name string
	at   instant
}

// Program is what is known of a program.
type Program struct {
	Pid   int
	Clock int32  // what the times are of
	Steps []Step // those that it came to, in their order
}

// Step is a step of a program.
type Step struct {
	Index int
	Label string
	Name  string // of the system call
	At    time.Duration
}

// Start begins a record. What the process did before is the start of rung itself;
// how long that took is told by the time that it has used of a CPU, which also
// counts what was in the process before it executed rung.
func Start() *Recorder {
	r := &Recorder{}
	at := now()
	used := read(unix.CLOCK_PROCESS_CPUTIME_ID)
	r.actions = append(r.actions, action{"starting rung (CPU time)", instant{at.monotonic - used, at.realtime - used}})
	return r
}

// Action notes that the launcher begins something, and ended what it did before.
func (r *Recorder) Action(name string) {
	if r != nil {
		r.actions = append(r.actions, action{name, now()})
	}
}

// Executed notes that the process was executed.
func (r *Recorder) Executed() {
	if r != nil {
		r.executed = now()
	}
}

// Stop ends the record.
func (r *Recorder) Stop() *Timeline {
	clock := r.program.Clock
	origin, end := r.actions[0].at.of(clock), now().of(clock)
	t := &Timeline{Total: end - origin, Pid: r.program.Pid}
	for i, a := range r.actions {
		until := end
		if i+1 < len(r.actions) {
			until = r.actions[i+1].at.of(clock)
		}
		t.Launcher = append(t.Launcher, Span{Name: a.name, Begin: a.at.of(clock) - origin, End: until - origin})
	}
	t.StartUp = t.Total
	if r.executed != (instant{}) {
		t.StartUp = r.executed.of(clock) - origin
	}
	t.Program = groups(r.program.Steps, origin, t.StartUp)
	return t
}

// groups joins successive steps of the same label. Each step lasts until the
// next one begins, the last one until end.
func groups(steps []Step, origin, end time.Duration) []Group {
	var list []Group
	for i, s := range steps {
		until := end
		if i+1 < len(steps) {
			until = steps[i+1].At - origin
		}
		begin := s.At - origin
		span := Span{Name: s.Name, Begin: begin, End: max(until, begin)}
		if len(list) == 0 || list[len(list)-1].Name != s.Label {
			list = append(list, Group{Span: Span{Name: s.Label, Begin: span.Begin}})
		}
		g := &list[len(list)-1]
		g.End = span.End
		g.Steps = append(g.Steps, Numbered{span, s.Index})
	}
	return slices.Clip(list)
}
