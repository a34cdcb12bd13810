package v1

import (
	"slices"
	"strings"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/counters"
)

// A reader reads the counters of a cgroup.
type reader struct{ counters.Reader }

func newReader(g *group) *reader { return &reader{counters.Reader{Group: &g.Group}} }

func (r *reader) memory(prefix string) cgroups.MemoryCounter {
	return cgroups.MemoryCounter{
		Usage:    r.Number(prefix + ".usage_in_bytes"),
		MaxUsage: r.Number(prefix + ".max_usage_in_bytes"),
		Limit:    r.Number(prefix + ".limit_in_bytes"),
		Failcnt:  r.Number(prefix + ".failcnt"),
	}
}

// operations reads a counter that bfq and the throttling both have, of each device one
// of them. bfq's goes first, as runc has it: newer kernels, such as 6.18, count for the
// throttling only the devices that had a limit at some time.
func (r *reader) operations(file string) []cgroups.BlockEntry {
	entries := r.block("blkio.bfq." + file)
	scheduled := entries
	for _, e := range r.block("blkio.throttle." + file) {
		sameDevice := func(s cgroups.BlockEntry) bool { return s.Major == e.Major && s.Minor == e.Minor }
		if !slices.ContainsFunc(scheduled, sameDevice) {
			entries = append(entries, e)
		}
	}
	return entries
}

// block reads lines of "MAJOR:MINOR OP VALUE", or without OP, and leaves out the
// total of all devices.
func (r *reader) block(file string) []cgroups.BlockEntry {
	var entries []cgroups.BlockEntry
	for line := range strings.Lines(string(r.Text(file))) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] == "Total" {
			continue
		}
		major, minor, _ := strings.Cut(f[0], ":")
		e := cgroups.BlockEntry{Major: r.Parse(major), Minor: r.Parse(minor), Value: r.Parse(f[len(f)-1])}
		if len(f) == 3 {
			e.Op = f[1]
		}
		entries = append(entries, e)
	}
	return entries
}
