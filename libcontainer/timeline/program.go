package timeline

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/nsenter"
)

// fileTimes is where a timed program writes when it came to its steps.
const fileTimes = "times"

// Time has a program write down its times; ownTime says that it comes into another time
// namespace, allowed that its filter lets it look at the clock. The result is nil where
// there is no recorder.
func (r *Recorder) Time(p *nsenter.Program, ownTime, allowed bool) *nsenter.Timing {
	if r == nil {
		return nil
	}
	clock := int32(unix.CLOCK_MONOTONIC)
	if ownTime {
		clock = unix.CLOCK_REALTIME // the one that is everywhere the same
	}
	return p.Time(fileTimes, clock, allowed)
}

// OpenTimes adds the file for the times, if there will be any, to a program's.
func OpenTimes(t *nsenter.Timing, files map[string]int) error {
	if t == nil {
		return nil
	}
	fd, err := unix.MemfdCreate("rung:"+fileTimes, unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("memfd_create for the timeline: %w", err)
	}
	files[fileTimes] = fd
	return kernel.Failed("ftruncate for the timeline", unix.Ftruncate(fd, int64(t.Size())))
}

// ReadTimes notes what the program of a process has written down so far.
func (r *Recorder) ReadTimes(t *nsenter.Timing, files map[string]int, pid int) {
	fd, ok := files[fileTimes]
	if !ok {
		return
	}
	file := make([]byte, t.Size())
	n, _ := unix.Pread(fd, file, 0)
	p := Program{Pid: pid, Clock: t.Clock}
	for i, at := range t.Times(file[:max(n, 0)]) {
		if s := t.Steps[i]; at > 0 {
			p.Steps = append(p.Steps, Step{Index: s.Index, Label: s.Label, Name: s.Name, At: at})
		}
	}
	r.program = p
}
