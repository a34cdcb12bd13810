package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/rung-oci/rung/tests/bundle"
)

// sampleMemory reads what the init of a created container takes.
func (s *subject) sampleMemory(pid int) error {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	_, rest, ok := bytes.Cut(rollup, []byte("\nPss:"))
	var kib float64
	if _, err := fmt.Sscan(string(rest), &kib); !ok || err != nil {
		return fmt.Errorf("%s: no Pss in /proc/%d/smaps_rollup", s.name, pid)
	}
	s.pss = append(s.pss, kib*1024)

	charge, err := s.cgroupMemory()
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	s.charge = append(s.charge, charge)
	return nil
}

// cgroupMemory returns the bytes that the container's cgroup is charged for,
// kernel memory included.
func (s *subject) cgroupMemory() (float64, error) {
	mounts, err := bundle.CgroupMounts()
	if err != nil {
		return 0, err
	}
	for _, mount := range mounts {
		for _, file := range [...]string{"memory.usage_in_bytes", "memory.current"} {
			text, err := os.ReadFile(filepath.Join(mount, s.cgroup, file))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return 0, err
			}
			return strconv.ParseFloat(string(bytes.TrimSpace(text)), 64)
		}
	}
	return 0, fmt.Errorf("no memory cgroup at %s", s.cgroup)
}

// findSmallestLimit finds the smallest memory limit, of the powers of two,
// under which /bin/true runs, three times in a row.
func (s *subject) findSmallestLimit() error {
	dir := s.bundle("limited")
	for limit := int64(64 << 10); limit <= 64<<20; limit *= 2 {
		spec := s.spec("true")
		spec.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit}
		if err := bundle.Make(dir, spec); err != nil {
			return err
		}
		started := 0
		for started < 3 && s.starts(dir) {
			started++
		}
		if started == 3 {
			s.smallest = limit
			return nil
		}
	}
	return nil
}

// starts reports whether a bundle runs. What a failed attempt leaves is
// removed: the next one needs the id and the cgroup.
func (s *subject) starts(dir string) bool {
	const id = "limited"
	_, _, err := s.call("run", "--bundle", dir, id)
	if err != nil {
		s.call("delete", "--force", id)
		bundle.RemoveCgroups(s.cgroup)
	}
	return err == nil
}
