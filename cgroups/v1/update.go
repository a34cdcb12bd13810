package v1

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/limits"
)

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
	p := newPlan(m.read)
	if err := p.update(r, present); err != nil {
		return nil, err
	}
	if err := p.checkMemory(r.Memory); err != nil {
		return nil, err
	}
	return p.Update(target{m})
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

// checkMemory refuses a limit below what is in use, where the config wants so.
// Without checkBeforeUpdate the kernel reclaims what it can.
func (p *plan) checkMemory(r *specs.LinuxMemory) error {
	if r == nil || r.CheckBeforeUpdate == nil || !*r.CheckBeforeUpdate {
		return nil
	}
	for _, limit := range [...]struct {
		property, file string
		value          *int64
	}{
		{"memory.limit", "memory.usage_in_bytes", r.Limit},
		{"memory.swap", "memory.memsw.usage_in_bytes", r.Swap},
	} {
		if !limits.Given(limit.value) || *limit.value < 0 {
			continue
		}
		if err := p.CheckUsage(limit.property, *limit.value, limit.file); err != nil {
			return err
		}
	}
	return nil
}

// Undo implements [limits.Target].
func (t target) Undo(w *limits.Write, now string) ([]limits.Write, error) {
	back := []limits.Write{restoring(w, now)}
	var err error
	switch {
	case w.File == cpuIdle && now == "0": // with shares, which do not survive being idle
		now, err = t.read("cpu", cpuShares)
		back = append(back, limits.Write{Controller: w.Controller, File: cpuShares, Value: now, Property: w.Property})
	case w.File == bfqWeight:
		now, err = t.read("blkio", bfqWeightDevice)
		for _, line := range limits.DeviceWeights(now) {
			back = append(back,
				limits.Write{Controller: w.Controller, File: bfqWeightDevice, Value: line, Property: w.Property})
		}
	}
	return back, err
}

// restoring returns the write that brings back what a file holds now. A file with a
// line for each device is written one line at a time; one without a line for the
// device has the kernel's default.
func restoring(w *limits.Write, now string) limits.Write {
	key, _, _ := strings.Cut(w.Value, " ")
	switch {
	case w.File == "memory.oom_control":
		_, bit, _ := strings.Cut(limits.Line(now, "oom_kill_disable", "oom_kill_disable 0"), " ")
		return w.With(bit)
	case strings.HasPrefix(w.File, "blkio.throttle."), w.File == "net_prio.ifpriomap":
		return w.With(limits.Line(now, key, key+" 0"))
	case strings.HasSuffix(w.File, "weight_device"): // refuses 0
		return w.With(limits.Line(now, key, key+" default"))
	case w.File == "rdma.max":
		return w.With(limits.Line(now, key, key+" hca_handle=max hca_object=max"))
	}
	return w.With(now)
}
