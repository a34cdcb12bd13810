package spec

import (
	"cmp"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// MergeResources returns what resources, nil for none, become by a patch of the
// same form. Patches themselves are merged so, too: (base + a) + b = base + (a + b).
// What a zero means, a value or none, is as package cgroups has it.
func MergeResources(base, patch *specs.LinuxResources) *specs.LinuxResources {
	return merge(base, patch, func(r, patch *specs.LinuxResources) {
		r.Devices = mergeDeviceRules(r.Devices, patch.Devices)
		r.Memory = merge(r.Memory, patch.Memory, mergeMemory)
		r.CPU = merge(r.CPU, patch.CPU, mergeCPU)
		r.BlockIO = merge(r.BlockIO, patch.BlockIO, mergeBlockIO)
		if patch.Pids != nil && patch.Pids.Limit != nil {
			r.Pids = patch.Pids
		}
		r.HugepageLimits = mergeList(r.HugepageLimits, patch.HugepageLimits,
			func(l specs.LinuxHugepageLimit) string { return l.Pagesize })
		r.Network = merge(r.Network, patch.Network, mergeNetwork)
		if len(patch.Rdma) > 0 {
			rdma := make(map[string]specs.LinuxRdma)
			maps.Copy(rdma, r.Rdma)
			maps.Copy(rdma, patch.Rdma)
			r.Rdma = rdma
		}
	})
}

// merge returns what an object, nil for none, becomes by a change, which a nil patch is not.
func merge[T any](base, patch *T, change func(merged, patch *T)) *T {
	if patch == nil {
		return base
	}
	merged := new(T)
	if base != nil {
		*merged = *base
	}
	change(merged, patch)
	return merged
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

func mergeMemory(m, patch *specs.LinuxMemory) {
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
}

func mergeCPU(c, patch *specs.LinuxCPU) {
	limit(&c.Shares, patch.Shares)
	limit(&c.Quota, patch.Quota)
	replace(&c.Burst, patch.Burst)
	limit(&c.Period, patch.Period)
	limit(&c.RealtimeRuntime, patch.RealtimeRuntime)
	limit(&c.RealtimePeriod, patch.RealtimePeriod)
	c.Cpus = cmp.Or(patch.Cpus, c.Cpus)
	c.Mems = cmp.Or(patch.Mems, c.Mems)
	replace(&c.Idle, patch.Idle)
}

func mergeBlockIO(b, patch *specs.LinuxBlockIO) {
	type number struct{ major, minor int64 }
	throttle := func(d specs.LinuxThrottleDevice) number { return number{d.Major, d.Minor} }
	limit(&b.Weight, patch.Weight)
	limit(&b.LeafWeight, patch.LeafWeight)
	b.WeightDevice = mergeList(b.WeightDevice, patch.WeightDevice,
		func(d specs.LinuxWeightDevice) number { return number{d.Major, d.Minor} })
	b.ThrottleReadBpsDevice = mergeList(b.ThrottleReadBpsDevice, patch.ThrottleReadBpsDevice, throttle)
	b.ThrottleWriteBpsDevice = mergeList(b.ThrottleWriteBpsDevice, patch.ThrottleWriteBpsDevice, throttle)
	b.ThrottleReadIOPSDevice = mergeList(b.ThrottleReadIOPSDevice, patch.ThrottleReadIOPSDevice, throttle)
	b.ThrottleWriteIOPSDevice = mergeList(b.ThrottleWriteIOPSDevice, patch.ThrottleWriteIOPSDevice, throttle)
}

func mergeNetwork(n, patch *specs.LinuxNetwork) {
	replace(&n.ClassID, patch.ClassID)
	n.Priorities = mergeList(n.Priorities, patch.Priorities,
		func(p specs.LinuxInterfacePriority) string { return p.Name })
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
