package nsenter

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// StepError is the failure of a step of a program.
type StepError struct {
	Purpose
	Step    int
	Call    string // the call as the printer shows it
	Name    string // the name of the system call
	Path    string // the path that the call was about, if it takes one
	Errno   unix.Errno
	Message string // the kernel's own words, may be empty
}

// Error reads "mounting proc on /proc: fsconfig: invalid argument (kernel's words)".
func (e *StepError) Error() string {
	text := e.Label + ": " + e.Name + ": " + e.Errno.Error()
	if e.Message != "" {
		text += " (" + e.Message + ")"
	}
	return text
}

// Unwrap gives the errno.
func (e *StepError) Unwrap() error { return e.Errno }

// LabelAt is the label of a step, "" if there is none.
func (p *Program) LabelAt(step int) string {
	if step >= len(p.Steps) {
		return ""
	}
	return p.Steps[step].Label
}

// Failure turns a report into the error that it tells of, nil if it tells of none.
func (p *Program) Failure(r Report) error {
	if r.Failed < 0 {
		return nil
	}
	if r.Failed >= len(p.Steps) {
		return fmt.Errorf("step %d of %d: %w", r.Failed, len(p.Steps), r.Errno)
	}
	s := &p.Steps[r.Failed]
	return &StepError{
		Purpose: s.Purpose, Step: r.Failed, Name: s.CallName(), Call: p.StepString(r.Failed), Path: s.Path(),
		Errno: r.Errno, Message: r.Message,
	}
}

// Notes are what is to be known of the steps from first on by whoever reads the report
// when the program is gone: a line for each, with its index, its kind, the system
// call, the path that it is about, the property and the label, separated by tabs.
func (p *Program) Notes(first int) []byte {
	var b []byte
	for i := first; i < len(p.Steps); i++ {
		s := &p.Steps[i]
		b = fmt.Appendf(b, "%d\t%d", i, s.Kind)
		for _, field := range [...]string{s.CallName(), s.Path(), s.Property, s.Label} {
			b = append(append(b, '\t'), oneField(field)...)
		}
		b = append(b, '\n')
	}
	return b
}

func oneField(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\n", `\n`), "\t", `\t`)
}

// Noted is what the notes tell of a step, as a failure without an errno; nil if they
// tell nothing. Before there were kinds, notes had the index, the system call, the
// path and the label: containers outlive the program that made them.
func Noted(notes string, step int) *StepError {
	for line := range strings.Lines(notes) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if f[0] != strconv.Itoa(step) {
			continue
		}
		switch len(f) {
		case 4:
			return &StepError{Step: step, Name: f[1], Path: f[2], Purpose: Purpose{Label: f[3]}}
		case 6:
			kind, _ := strconv.ParseUint(f[1], 10, 8)
			return &StepError{Step: step, Name: f[2], Path: f[3], Purpose: Purpose{Kind(kind), f[4], f[5]}}
		}
	}
	return nil
}
