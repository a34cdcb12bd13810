package libcontainer

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/nsenter"
)

// fileTimes is where a timed program writes when it came to its steps.
const fileTimes = "times"

// timeProgram has a program write down its times, if a timeline is asked for;
// ownTime tells that it comes into another time namespace. The result is nil if
// not.
func (r *Runtime) timeProgram(p *nsenter.Program, ownTime bool) *nsenter.Timing {
	if r.Timeline == nil {
		return nil
	}
	clock := int32(unix.CLOCK_MONOTONIC)
	if ownTime {
		clock = unix.CLOCK_REALTIME // the one that is everywhere the same
	}
	return p.Time(fileTimes, clock)
}

// timeBirth times the birth program.
func (c *creation) timeBirth() {
	ownTime := false
	if c.spec.Linux != nil {
		for _, ns := range c.spec.Linux.Namespaces {
			ownTime = ownTime || ns.Type == specs.TimeNamespace
		}
	}
	if c.timing = c.r.timeProgram(c.birth.Program, ownTime); c.timing != nil {
		c.birth.Ready = c.timing.Moved(c.birth.Ready)
	}
}

// openTimes adds the file for the times, if there will be any, to a program's.
func openTimes(t *nsenter.Timing, files map[string]int) error {
	if t == nil {
		return nil
	}
	fd, err := unix.MemfdCreate("rung:"+fileTimes, unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("memfd_create for the timeline: %w", err)
	}
	files[fileTimes] = fd
	if err := unix.Ftruncate(fd, int64(t.Size())); err != nil {
		return fmt.Errorf("ftruncate for the timeline: %w", err)
	}
	return nil
}

// readTimes gives the timeline what the program of a process has written down so
// far.
func (r *Runtime) readTimes(t *nsenter.Timing, files map[string]int, pid int) {
	fd, ok := files[fileTimes]
	if !ok {
		return
	}
	file := make([]byte, t.Size())
	n, _ := unix.Pread(fd, file, 0)
	p := timeline.Program{Pid: pid, Clock: t.Clock}
	for i, at := range t.Times(file[:max(n, 0)]) {
		if s := t.Steps[i]; at > 0 {
			p.Steps = append(p.Steps, timeline.Step{Index: s.Index, Label: s.Label, Name: s.Name, At: at})
		}
	}
	r.Timeline.Program(p)
}

// executed tells the timeline that the process was executed.
func (r *Runtime) executed() {
	if r.Timeline != nil {
		r.Timeline.Executed()
	}
}
