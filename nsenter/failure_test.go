package nsenter

import (
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
	link := StepError{Step: 1, Name: "symlinkat", Path: `na\tme`, Purpose: Purpose{255, "linux.devices[0]", `making\ta\nlink`}}
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
