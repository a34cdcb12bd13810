package libcontainer

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/timeline"
)

// fileTimes is where a timed birth program writes when it came to its steps.
const fileTimes = "times"

// timeBirth has the birth program write down its times, if that is asked for.
func (c *creation) timeBirth() {
	if c.r.Timeline == nil {
		return
	}
	clock := int32(unix.CLOCK_MONOTONIC)
	if c.spec.Linux != nil {
		for _, ns := range c.spec.Linux.Namespaces {
			if ns.Type == specs.TimeNamespace {
				clock = unix.CLOCK_REALTIME // the one that is everywhere the same
			}
		}
	}
	c.timing = c.birth.Program.Time(fileTimes, clock)
	c.birth.Ready = c.timing.Moved(c.birth.Ready)
}

// openTimes makes the file for the times.
func (c *creation) openTimes() error {
	if c.timing == nil {
		return nil
	}
	fd, err := unix.MemfdCreate("rung:"+fileTimes, unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("memfd_create for the timeline: %w", err)
	}
	c.files[fileTimes] = fd
	if err := unix.Ftruncate(fd, int64(c.timing.Size())); err != nil {
		return fmt.Errorf("ftruncate for the timeline: %w", err)
	}
	return nil
}

// readTimes gives the timeline what the birth program has written down so far.
func (c *creation) readTimes() {
	fd, ok := c.files[fileTimes]
	if !ok {
		return
	}
	file := make([]byte, c.timing.Size())
	n, _ := unix.Pread(fd, file, 0)
	b := timeline.Birth{Pid: c.record.Init.Pid, Clock: c.timing.Clock}
	for i, at := range c.timing.Times(file[:max(n, 0)]) {
		if s := c.timing.Steps[i]; at > 0 {
			b.Steps = append(b.Steps, timeline.Step{Index: s.Index, Label: s.Label, Name: s.Name, At: at})
		}
	}
	c.r.Timeline.Birth(b)
}
