package timeline

import "time"

// Timeline is a start-up. Times count from the moment that rung was executed.
type Timeline struct {
	Launcher []Span  // without gaps, from 0 to Total
	Program  []Group // may begin late, and end early if it failed
	Pid      int     // of the process, 0: there was none
	StartUp  time.Duration
	Total    time.Duration // with what came after the process was executed
}

// Span is something that took time.
type Span struct {
	Name       string
	Begin, End time.Duration
}

// Length is how long it took.
func (s Span) Length() time.Duration { return s.End - s.Begin }

// Group is the steps of a program that are for the same purpose.
type Group struct {
	Span
	Steps []Numbered
}

// Numbered is a step with its index in the program as `rung plan` shows it.
type Numbered struct {
	Span
	Index int
}
