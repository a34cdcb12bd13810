package cmd

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer"
)

// A statsTable shows events to people: the statistics as lines of a name and what it
// is, with units.
type statsTable struct {
	w    io.Writer
	id   string
	last *libcontainer.Stats // shown before, or nil
}

func (t *statsTable) event(e libcontainer.Event) error {
	if e.Stats == nil {
		_, err := fmt.Fprintf(t.w, "\n%s: memory ran out\n", t.id)
		return err
	}
	w := tabwriter.NewWriter(t.w, 0, 0, 2, ' ', 0)
	if t.last != nil {
		fmt.Fprintln(w)
	}
	s := e.Stats
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	line("container", "%s", t.id)
	line("cpu", "%s, %s (user %s, kernel %s)", t.percent(s), nanoseconds(s.CPU.Usage), nanoseconds(s.CPU.User),
		nanoseconds(s.CPU.Kernel))
	if s.CPU.Periods > 0 {
		line("throttled", "%d of %d periods, %s", s.CPU.ThrottledPeriods, s.CPU.Periods,
			nanoseconds(s.CPU.ThrottledTime))
	}
	line("memory", "%s", describeMemory(s.Memory.Memory))
	if s.Memory.Swap.Usage > s.Memory.Memory.Usage {
		line("swap", "%s", bytesOf(s.Memory.Swap.Usage-s.Memory.Memory.Usage))
	}
	if s.Memory.OOMKills > 0 {
		line("killed", "%d for want of memory", s.Memory.OOMKills)
	}
	line("pids", "%s", describePids(s.Pids))
	line("block I/O", "read %s, written %s", blockIO(&s.Block, "Read"), blockIO(&s.Block, "Write"))
	for _, i := range s.Network {
		line("network", "%s: received %s, sent %s", i.Name, bytesOf(i.RxBytes), bytesOf(i.TxBytes))
	}
	if text := describePressure(s); text != "" {
		line("pressure", "%s", text)
	}
	t.last = s
	return w.Flush()
}

// percent is the use of the CPU, 100 % for one, since the table before, or since the
// container was created.
func (t *statsTable) percent(s *libcontainer.Stats) string {
	used, since := s.CPU.Usage, s.Created
	if t.last != nil {
		used, since = s.CPU.Usage-t.last.CPU.Usage, t.last.Now
	}
	elapsed := s.Now.Sub(since)
	if elapsed <= 0 {
		return "0.0 %"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(used)/float64(elapsed))
}

func describeMemory(c cgroups.MemoryCounter) string {
	text := bytesOf(c.Usage)
	if c.Limited() {
		text += fmt.Sprintf(" of %s (%.0f %%)", bytesOf(c.Limit), 100*float64(c.Usage)/float64(max(c.Limit, 1)))
	}
	return text + fmt.Sprintf(", at most %s, %d times at the limit", bytesOf(c.MaxUsage), c.Failcnt)
}

func describePids(p cgroups.PidsStats) string {
	if p.Limit < 0 {
		return strconv.FormatInt(p.Current, 10)
	}
	return fmt.Sprintf("%d of %d", p.Current, p.Limit)
}

// blockIO sums up an operation over the devices.
func blockIO(s *cgroups.BlockStats, op string) string {
	sum := func(entries []cgroups.BlockEntry) (n uint64) {
		for _, e := range entries {
			if e.Op == op {
				n += e.Value
			}
		}
		return n
	}
	return fmt.Sprintf("%s (%d operations)", bytesOf(sum(s.ServiceBytes)), sum(s.Serviced))
}

// describePressure says how much of the last ten seconds some process has waited for
// what the machine lacked.
func describePressure(s *libcontainer.Stats) string {
	var parts []string
	for _, p := range [...]struct {
		name string
		*cgroups.Pressure
	}{{"cpu", s.CPU.Pressure}, {"memory", s.Memory.Pressure}, {"io", s.Block.Pressure}} {
		if p.Pressure != nil {
			parts = append(parts, fmt.Sprintf("%s %.1f %%", p.name, p.Some.Avg10))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + " of the last 10 s"
}

// nanoseconds is a time with three or four digits.
func nanoseconds(n uint64) string {
	d := time.Duration(n)
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// bytesOf is a size in the largest unit of which there is one.
func bytesOf(n uint64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/1024, 0
	for ; f >= 1024; i++ {
		f /= 1024
	}
	return fmt.Sprintf("%.1f %ciB", f, units[i])
}
