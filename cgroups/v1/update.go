package v1

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// A change is what an update has written, and can take back.
type change struct {
	m        *Manager
	warnings []string
	done     []write // that take back what was written, the oldest first
}

// Update implements [cgroups.Manager].
//
// What can be judged is judged before anything is written: controllers, files, the
// rules of devices, and with checkBeforeUpdate a limit of memory below what is in
// use. The writes come in an order in which the kernel refuses none because of the
// one that follows. If one fails all the same those before it are taken back, the
// last one first, so that every step back leads to a state that was there before.
//
// Rules of devices are made into the difference from what is allowed now: what both
// allow is allowed at every moment. A rule for everything starts again from nothing,
// other rules add to the present ones.
func (m *Manager) Update(r, present *specs.LinuxResources) (*cgroups.Change, error) {
	p := plan{read: m.read}
	if err := p.update(r, present); err != nil {
		return nil, err
	}
	if err := m.checkMemory(r.Memory); err != nil {
		return nil, err
	}
	for _, w := range p.writes {
		if err := m.check(w); err != nil {
			return nil, err
		}
	}
	c := &change{m: m, warnings: p.warnings}
	for _, w := range p.writes {
		if err := c.apply(w); err != nil {
			return nil, errors.Join(err, c.revert())
		}
	}
	return &cgroups.Change{Warnings: c.warnings, Revert: c.revert}, nil
}

// update plans a patch.
func (p *plan) update(r, present *specs.LinuxResources) error {
	if present == nil {
		present = new(specs.LinuxResources)
	}
	if err := p.updateDevices(r.Devices, present.Devices); err != nil {
		return err
	}
	if present.CPU != nil {
		p.configuredShares = present.CPU.Shares
	}
	return p.resources(r)
}

// check makes sure that a write has a controller and a file.
func (m *Manager) check(w write) error {
	g := m.find(w.controller)
	if g == nil {
		return fmt.Errorf("%s: %w", w.property, missing(w.controller, w.file))
	}
	dir, err := g.open()
	if err != nil {
		return fmt.Errorf("%s: %w", w.property, err)
	}
	if err := unix.Faccessat(dir, w.file, unix.F_OK, 0); err != nil && len(w.soft) == 0 {
		return g.explain(dir, w, err)
	}
	return nil
}

// checkMemory refuses a limit below what is in use, where the config wants so.
// Without checkBeforeUpdate the kernel reclaims what it can.
func (m *Manager) checkMemory(r *specs.LinuxMemory) error {
	if r == nil || r.CheckBeforeUpdate == nil || !*r.CheckBeforeUpdate {
		return nil
	}
	for _, limit := range [...]struct {
		property, file string
		value          *int64
	}{
		{"limit", "memory.usage_in_bytes", r.Limit},
		{"swap", "memory.memsw.usage_in_bytes", r.Swap},
	} {
		if !given(limit.value) || *limit.value < 0 {
			continue
		}
		text, err := m.read("memory", limit.file)
		if err != nil {
			return fmt.Errorf("linux.resources.memory.%s: %w", limit.property, err)
		}
		if usage, err := strconv.ParseInt(text, 10, 64); err == nil && usage > *limit.value {
			return fmt.Errorf("linux.resources.memory.%s: unable to set memory limit to %d: "+
				"%d is in use (checkBeforeUpdate)", limit.property, *limit.value, usage)
		}
	}
	return nil
}

// apply makes one write and remembers how to take it back.
func (c *change) apply(w write) error {
	g := c.m.find(w.controller)
	undo, err := g.undo(w)
	if err != nil && len(w.soft) == 0 {
		return fmt.Errorf("%s: %w", w.property, err)
	}
	warning, err := g.patiently(w)
	if err != nil {
		return err
	}
	if warning != "" {
		c.warnings = append(c.warnings, warning)
		return nil // it was not written, or made no difference
	}
	for i := len(undo) - 1; i >= 0; i-- {
		c.done = append(c.done, undo[i])
	}
	return nil
}

// undo returns what will take a write back, in this order.
func (g *group) undo(w write) ([]write, error) {
	if w.undo != nil {
		return w.undo, nil
	}
	now, err := g.read(w.file)
	if err != nil {
		return nil, err
	}
	back := []write{w.restoring(now)}
	also := func(file, value string) {
		back = append(back, write{controller: w.controller, file: file, value: value, property: w.property})
	}
	switch {
	case w.file == cpuIdle && now == "0": // with shares, which do not survive being idle
		now, err = g.read(cpuShares)
		also(cpuShares, now)
	case w.file == bfqWeight:
		now, err = g.read(bfqWeightDevice)
		for _, line := range weightsOfDevices(now) {
			also(bfqWeightDevice, line)
		}
	}
	return back, err
}

// revert takes back all that was written.
func (c *change) revert() error {
	var errs []error
	for i := len(c.done) - 1; i >= 0; i-- {
		w := c.done[i]
		if _, err := c.m.find(w.controller).patiently(w); err != nil {
			errs = append(errs, fmt.Errorf("taking the update back: %w", err))
		}
	}
	c.done = nil
	return errors.Join(errs...)
}

// reclaimTimeout bounds the attempts at lowering a limit of memory.
const reclaimTimeout = 500 * time.Millisecond

// patiently is apply for a cgroup in use. Each write of a limit of memory makes the
// kernel reclaim, and give up when a pass over the pages frees none; pages that were
// busy then, being written or isolated, can be free a moment later.
func (g *group) patiently(w write) (warning string, err error) {
	var f cgroupfs.Writer
	defer f.Close()
	deadline := time.Now().Add(reclaimTimeout)
	for wait := cgroupfs.NewBackoff(time.Millisecond); ; wait.Sleep() {
		warning, err = g.apply(w, &f)
		lowering := w.file == memoryLimit || w.file == memorySwapLimit
		if !lowering || !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
			return warning, err
		}
	}
}

// restoring returns the write that brings back what a file holds now. A file with a
// line for each device is written one line at a time; one without a line for the
// device has the kernel's default.
func (w write) restoring(now string) write {
	back := w
	back.undo, back.verify = nil, false
	switch {
	case w.file == "memory.oom_control":
		back.value = line(now, "oom_kill_disable", "oom_kill_disable 0")
		_, back.value, _ = strings.Cut(back.value, " ")
	case strings.HasPrefix(w.file, "blkio.throttle."), w.file == "net_prio.ifpriomap":
		key, _, _ := strings.Cut(w.value, " ")
		back.value = line(now, key, key+" 0")
	case strings.HasSuffix(w.file, "weight_device"): // refuses 0
		key, _, _ := strings.Cut(w.value, " ")
		back.value = line(now, key, key+" default")
	case w.file == "rdma.max":
		key, _, _ := strings.Cut(w.value, " ")
		back.value = line(now, key, key+" hca_handle=max hca_object=max")
	default:
		back.value = now
	}
	return back
}

// line returns the line of a text that begins with the word, or otherwise.
func line(text, word, otherwise string) string {
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if first, _, _ := strings.Cut(l, " "); first == word {
			return l
		}
	}
	return otherwise
}
