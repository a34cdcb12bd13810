package v1

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// A reader reads the files of a cgroup and keeps the first error. A file that the
// kernel does not have reads as nothing.
type reader struct {
	*group
	err error
}

func (r *reader) text(file string) []byte {
	if r.err != nil {
		return nil
	}
	b, err := r.readAll(file)
	if err != nil && r.lacks(file) {
		return nil
	}
	r.err = err
	return b
}

// lacks reports that the cgroup is there but not the file.
func (r *reader) lacks(file string) bool {
	there := func(file string) error { return unix.Faccessat(r.dir, file, unix.F_OK, 0) }
	return r.dir >= 0 && there(file) == unix.ENOENT && there(cgroupfs.Procs) == nil
}

func (r *reader) parse(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("reading the counters of %s: %w", r.path, err)
	}
	return n
}

func (r *reader) number(file string) uint64 {
	if s := bytes.TrimSpace(r.text(file)); len(s) > 0 {
		return r.parse(string(s))
	}
	return 0
}

func (r *reader) memory(prefix string) cgroups.MemoryCounter {
	return cgroups.MemoryCounter{
		Usage:    r.number(prefix + ".usage_in_bytes"),
		MaxUsage: r.number(prefix + ".max_usage_in_bytes"),
		Limit:    r.number(prefix + ".limit_in_bytes"),
		Failcnt:  r.number(prefix + ".failcnt"),
	}
}

// flat reads lines of "KEY VALUE".
func (r *reader) flat(file string) map[string]uint64 {
	values := make(map[string]uint64)
	for line := range strings.Lines(string(r.text(file))) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			values[key] = r.parse(value)
		}
	}
	return values
}

func (r *reader) numbers(file string) (list []uint64) {
	for f := range bytes.FieldsSeq(r.text(file)) {
		list = append(list, r.parse(string(f)))
	}
	return list
}

// list reads a list of CPUs or nodes, "0-2,7".
func (r *reader) list(file string) (list []uint16) {
	for part := range strings.SplitSeq(strings.TrimSpace(string(r.text(file))), ",") {
		first, last, isRange := strings.Cut(part, "-")
		if first == "" {
			continue
		}
		if !isRange {
			last = first
		}
		for n, end := r.parse(first), r.parse(last); n <= end && end <= math.MaxUint16; n++ {
			list = append(list, uint16(n))
		}
	}
	return list
}

// pressure reads lines of "some avg10=0.00 avg60=0.00 avg300=0.00 total=0". A kernel
// that was told not to measure refuses the reading.
func (r *reader) pressure(file string) *cgroups.Pressure {
	if r.err != nil {
		return nil
	}
	text, err := r.readAll(file)
	if err != nil {
		return nil
	}
	p := new(cgroups.Pressure)
	for line := range strings.Lines(string(text)) {
		kind, rest, _ := strings.Cut(line, " ")
		stall := &p.Some
		if kind == "full" {
			stall = &p.Full
		}
		for field := range strings.FieldsSeq(rest) {
			setStall(stall, field)
		}
	}
	return p
}

// setStall sets one field from "NAME=VALUE".
func setStall(s *cgroups.Stall, field string) {
	name, value, _ := strings.Cut(field, "=")
	percent, _ := strconv.ParseFloat(value, 64)
	switch name {
	case "avg10":
		s.Avg10 = percent
	case "avg60":
		s.Avg60 = percent
	case "avg300":
		s.Avg300 = percent
	case "total":
		s.Total, _ = strconv.ParseUint(value, 10, 64)
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
	for line := range strings.Lines(string(r.text(file))) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] == "Total" {
			continue
		}
		major, minor, _ := strings.Cut(f[0], ":")
		e := cgroups.BlockEntry{Major: r.parse(major), Minor: r.parse(minor), Value: r.parse(f[len(f)-1])}
		if len(f) == 3 {
			e.Op = f[1]
		}
		entries = append(entries, e)
	}
	return entries
}

// hugepageSizes returns the page sizes that the machine has, "2MB" and such.
func (r *reader) hugepageSizes() ([]string, error) {
	dir, err := cgroupfs.Open(unix.AT_FDCWD, "/sys/kernel/mm/hugepages", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, cgroupfs.IgnoreGone(err)
	}
	defer unix.Close(dir)
	names, err := cgroupfs.Children(dir)
	if err != nil {
		return nil, fmt.Errorf("reading /sys/kernel/mm/hugepages: %w", err)
	}
	var sizes []string
	for _, name := range names {
		kb, ok := strings.CutSuffix(strings.TrimPrefix(name, "hugepages-"), "kB")
		if n, err := strconv.ParseUint(kb, 10, 64); ok && err == nil {
			sizes = append(sizes, hugepageSize(n))
		}
	}
	return sizes, nil
}

// hugepageSize names a page size as the files of hugetlb do.
func hugepageSize(kb uint64) string {
	switch {
	case kb >= 1<<20:
		return fmt.Sprintf("%dGB", kb>>20)
	case kb >= 1<<10:
		return fmt.Sprintf("%dMB", kb>>10)
	}
	return fmt.Sprintf("%dKB", kb)
}
