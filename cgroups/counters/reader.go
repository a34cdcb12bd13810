// Package counters reads the files that say what a cgroup has used, which have the same
// forms in both versions.
package counters

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// A Reader reads the files of a cgroup and keeps the first error. A file that the
// kernel does not have reads as nothing.
type Reader struct {
	Group *cgroupfs.Group
	Err   error
}

// Text reads a file to its end.
func (r *Reader) Text(file string) []byte {
	if r.Err != nil {
		return nil
	}
	b, err := r.Group.ReadAll(file)
	if err != nil && r.Group.Lacks(file) {
		return nil
	}
	r.Err = err
	return b
}

// Parse reads a decimal number.
func (r *Reader) Parse(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil && r.Err == nil {
		r.Err = fmt.Errorf("reading the counters of %s: %w", r.Group.Path, err)
	}
	return n
}

// Number reads a file with one number.
func (r *Reader) Number(file string) uint64 {
	if s := bytes.TrimSpace(r.Text(file)); len(s) > 0 {
		return r.Parse(string(s))
	}
	return 0
}

// Flat reads lines of "KEY VALUE".
func (r *Reader) Flat(file string) map[string]uint64 {
	values := make(map[string]uint64)
	for line := range strings.Lines(string(r.Text(file))) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			values[key] = r.Parse(value)
		}
	}
	return values
}

// Numbers reads a file with numbers that white space separates.
func (r *Reader) Numbers(file string) (list []uint64) {
	for f := range bytes.FieldsSeq(r.Text(file)) {
		list = append(list, r.Parse(string(f)))
	}
	return list
}

// List reads a list of CPUs or nodes, "0-2,7".
func (r *Reader) List(file string) []uint16 {
	list, err := cgroupfs.ParseList(string(r.Text(file)))
	if err != nil && r.Err == nil {
		r.Err = fmt.Errorf("reading %s of %s: %w", file, r.Group.Path, err)
	}
	return list
}

// Pressure reads lines of "some avg10=0.00 avg60=0.00 avg300=0.00 total=0". A kernel
// that was told not to measure refuses the reading.
func (r *Reader) Pressure(file string) *cgroups.Pressure {
	if r.Err != nil {
		return nil
	}
	text, err := r.Group.ReadAll(file)
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

// Pressures reads what only the unified hierarchy has.
func (r *Reader) Pressures(s *cgroups.Stats) {
	s.CPU.Pressure = r.Pressure("cpu.pressure")
	s.Memory.Pressure = r.Pressure("memory.pressure")
	s.Block.Pressure = r.Pressure("io.pressure")
}

// Pids reads the counter of tasks and its limit.
func (r *Reader) Pids(s *cgroups.PidsStats) {
	s.Current = int64(r.Number("pids.current"))
	s.Limit = -1
	if limit := string(bytes.TrimSpace(r.Text("pids.max"))); limit != "max" && limit != "" {
		s.Limit = cgroups.PidsLimit(r.Parse(limit))
	}
}

// HugepageSizes returns the page sizes that the machine has, "2MB" and such.
func (r *Reader) HugepageSizes() []string {
	if r.Err != nil {
		return nil
	}
	sizes, err := hugepageSizes()
	r.Err = err
	return sizes
}

func hugepageSizes() ([]string, error) {
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
