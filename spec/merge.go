package spec

import (
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// MergeResources returns what resources, nil for none, become by a patch of the
// same form. Patches themselves are merged so, too: (base + a) + b = base + (a + b).
// What a zero means, a value or none, is as package cgroups has it.
func MergeResources(base, patch *specs.LinuxResources) *specs.LinuxResources {
	base = orNew(base)
	r := *base
	r.Devices = mergeDeviceRules(base.Devices, patch.Devices)
	r.Memory = mergeMemory(base.Memory, patch.Memory)
	r.CPU = mergeCPU(base.CPU, patch.CPU)
	r.BlockIO = mergeBlockIO(base.BlockIO, patch.BlockIO)
	if patch.Pids != nil && patch.Pids.Limit != nil {
		r.Pids = patch.Pids
	}
	r.HugepageLimits = mergeList(base.HugepageLimits, patch.HugepageLimits,
		func(l specs.LinuxHugepageLimit) string { return l.Pagesize })
	if patch.Network != nil {
		n := specs.LinuxNetwork{}
		if base.Network != nil {
			n = *base.Network
		}
		replace(&n.ClassID, patch.Network.ClassID)
		n.Priorities = mergeList(n.Priorities, patch.Network.Priorities,
			func(p specs.LinuxInterfacePriority) string { return p.Name })
		r.Network = &n
	}
	if len(patch.Rdma) > 0 {
		r.Rdma = mergeMap(base.Rdma, patch.Rdma)
	}
	return &r
}

// mergeDeviceRules appends the rules, unless one is for everything: then those
// before it say nothing any more.
func mergeDeviceRules(base, patch []specs.LinuxDeviceCgroup) []specs.LinuxDeviceCgroup {
	for i, d := range slices.Backward(patch) {
		everything := (d.Type == "" || d.Type == "a") && (d.Access == "" || d.Access == "rwm") &&
			(d.Major == nil || *d.Major == -1) && (d.Minor == nil || *d.Minor == -1)
		if everything {
			return patch[i:]
		}
	}
	return slices.Concat(base, patch)
}

func mergeMemory(base, patch *specs.LinuxMemory) *specs.LinuxMemory {
	if patch == nil {
		return base
	}
	m := *orNew(base)
	limit(&m.Limit, patch.Limit)
	if patch.Limit != nil && *patch.Limit == -1 {
		m.Swap = patch.Limit // no limit of memory is one of both, unless the next says otherwise
	}
	limit(&m.Reservation, patch.Reservation)
	limit(&m.Swap, patch.Swap)
	//lint:ignore SA1019 the specification still has it
	limit(&m.Kernel, patch.Kernel)
	limit(&m.KernelTCP, patch.KernelTCP)
	replace(&m.Swappiness, patch.Swappiness)
	replace(&m.DisableOOMKiller, patch.DisableOOMKiller)
	replace(&m.UseHierarchy, patch.UseHierarchy)
	replace(&m.CheckBeforeUpdate, patch.CheckBeforeUpdate)
	return &m
}

func mergeCPU(base, patch *specs.LinuxCPU) *specs.LinuxCPU {
	if patch == nil {
		return base
	}
	c := *orNew(base)
	limit(&c.Shares, patch.Shares)
	limit(&c.Quota, patch.Quota)
	replace(&c.Burst, patch.Burst)
	limit(&c.Period, patch.Period)
	limit(&c.RealtimeRuntime, patch.RealtimeRuntime)
	limit(&c.RealtimePeriod, patch.RealtimePeriod)
	if patch.Cpus != "" {
		c.Cpus = patch.Cpus
	}
	if patch.Mems != "" {
		c.Mems = patch.Mems
	}
	replace(&c.Idle, patch.Idle)
	return &c
}

func mergeBlockIO(base, patch *specs.LinuxBlockIO) *specs.LinuxBlockIO {
	if patch == nil {
		return base
	}
	type number struct{ major, minor int64 }
	throttle := func(d specs.LinuxThrottleDevice) number { return number{d.Major, d.Minor} }
	b := *orNew(base)
	limit(&b.Weight, patch.Weight)
	limit(&b.LeafWeight, patch.LeafWeight)
	b.WeightDevice = mergeList(b.WeightDevice, patch.WeightDevice,
		func(d specs.LinuxWeightDevice) number { return number{d.Major, d.Minor} })
	b.ThrottleReadBpsDevice = mergeList(b.ThrottleReadBpsDevice, patch.ThrottleReadBpsDevice, throttle)
	b.ThrottleWriteBpsDevice = mergeList(b.ThrottleWriteBpsDevice, patch.ThrottleWriteBpsDevice, throttle)
	b.ThrottleReadIOPSDevice = mergeList(b.ThrottleReadIOPSDevice, patch.ThrottleReadIOPSDevice, throttle)
	b.ThrottleWriteIOPSDevice = mergeList(b.ThrottleWriteIOPSDevice, patch.ThrottleWriteIOPSDevice, throttle)
	return &b
}

// limit replaces a value of which zero says that it is not given.
func limit[T int64 | uint64 | uint16](base **T, patch *T) {
	if patch != nil && *patch != 0 {
		*base = patch
	}
}

func replace[T any](base **T, patch *T) {
	if patch != nil {
		*base = patch
	}
}

func orNew[T any](p *T) *T {
	if p == nil {
		return new(T)
	}
	return p
}

// mergeList replaces the elements with the same key, and appends the others.
func mergeList[T any, K comparable](base, patch []T, key func(T) K) []T {
	merged := slices.Clone(base)
	for _, p := range patch {
		if i := slices.IndexFunc(merged, func(e T) bool { return key(e) == key(p) }); i >= 0 {
			merged[i] = p
		} else {
			merged = append(merged, p)
		}
	}
	return merged
}

func mergeMap[K comparable, V any](base, patch map[K]V) map[K]V {
	merged := maps.Clone(base)
	if merged == nil {
		return patch
	}
	maps.Copy(merged, patch)
	return merged
}
