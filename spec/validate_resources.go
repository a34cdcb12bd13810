package spec

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func resources(r *specs.LinuxResources) (ps Problems) {
	ps = append(ps, each("devices", r.Devices, deviceRule)...)
	ps = append(ps, optional("memory", r.Memory, memory)...)
	ps = append(ps, optional("cpu", r.CPU, cpu)...)
	if r.Pids != nil {
		ps = append(ps, unlimited("pids.limit", r.Pids.Limit)...)
	}
	ps = append(ps, optional("blockIO", r.BlockIO, blockIO)...)
	ps = append(ps, hugepageLimits(r.HugepageLimits)...)
	if r.Network != nil {
		for i, p := range r.Network.Priorities {
			ps = append(ps, interfaceName("name", p.Name).at("network.priorities", i)...)
		}
	}
	ps = append(ps, rdma(r.Rdma)...)
	return append(ps, unified(r.Unified)...)
}

// deviceRule judges a rule of the device cgroup. A missing type is a, a missing
// number is any, and so is -1, which clients of runc use.
func deviceRule(d *specs.LinuxDeviceCgroup) (ps Problems) {
	switch d.Type {
	case "", "a", "b", "c", "u":
	default:
		ps.add("type", "%q is none of a, b, c and u", d.Type)
	}
	ps = append(ps, within("major", d.Major, -1, maxMajor)...)
	ps = append(ps, within("minor", d.Minor, -1, maxMinor)...)
	if strings.Trim(d.Access, "rwm") != "" {
		ps.add("access", "%q has other letters than r, w and m", d.Access)
	}
	return ps
}

// unlimited judges a limit of which -1 says that there is none.
func unlimited(path string, limit *int64) (ps Problems) {
	if limit != nil && *limit < -1 {
		ps.add(path, "%d is less than -1", *limit)
	}
	return ps
}

func memory(m *specs.LinuxMemory) (ps Problems) {
	ps = append(ps, unlimited("limit", m.Limit)...)
	ps = append(ps, unlimited("reservation", m.Reservation)...)
	ps = append(ps, unlimited("swap", m.Swap)...)
	//lint:ignore SA1019 deprecated, but it must be judged
	ps = append(ps, unlimited("kernel", m.Kernel)...)
	ps = append(ps, unlimited("kernelTCP", m.KernelTCP)...)
	if m.Limit != nil && m.Swap != nil && *m.Limit > 0 && 0 < *m.Swap && *m.Swap < *m.Limit {
		ps.add("swap", "%d is less than the limit of memory alone, %d", *m.Swap, *m.Limit)
	}
	ps = append(ps, within("swappiness", m.Swappiness, 0, 100)...)
	return ps
}

// cpu judges the CPU limits by the bounds of kernel/sched/core.c: a quota is at
// least 1 ms, a period between 1 ms and 1 s. 0 leaves them as they are.
func cpu(c *specs.LinuxCPU) (ps Problems) {
	const msec = 1000
	if c.Period != nil && *c.Period != 0 {
		ps = append(ps, within("period", c.Period, 1*msec, 1000*msec)...)
	}
	if c.Quota != nil && 0 < *c.Quota {
		if *c.Quota < 1*msec {
			ps.add("quota", "%d is less than %d", *c.Quota, 1*msec)
		}
		if c.Burst != nil && *c.Burst > uint64(*c.Quota) {
			ps.add("burst", "%d is more than the quota, %d", *c.Burst, *c.Quota)
		}
	}
	ps = append(ps, within("idle", c.Idle, 0, 1)...)
	ps = append(ps, cpuset("cpus", c.Cpus)...)
	return append(ps, cpuset("mems", c.Mems)...)
}

// cpuset judges a list for the cpuset controller. Lists that use more of the
// kernel's syntax than the specification shows (N, all, groups; see
// Documentation/admin-guide/kernel-parameters.rst) are left to the kernel.
func cpuset(path, s string) (ps Problems) {
	if rest := strings.Trim(s, "0123456789,-"); rest == "" || strings.Trim(s, "0123456789,-:/Nal \t") != "" {
		return list(path, s)
	}
	return nil
}

func blockIO(b *specs.LinuxBlockIO) (ps Problems) {
	ps = append(ps, weight("weight", b.Weight)...)
	ps = append(ps, weight("leafWeight", b.LeafWeight)...)
	for i := range b.WeightDevice {
		d := &b.WeightDevice[i]
		at := len(ps)
		ps = append(ps, blockDevice(&d.LinuxBlockIODevice)...)
		ps = append(ps, weight("weight", d.Weight)...)
		ps = append(ps, weight("leafWeight", d.LeafWeight)...)
		if d.Weight == nil && d.LeafWeight == nil {
			ps.add("", "has neither weight nor leafWeight")
		}
		ps[at:].at("weightDevice", i)
	}
	for _, throttle := range [...]struct {
		path    string
		devices []specs.LinuxThrottleDevice
	}{
		{"throttleReadBpsDevice", b.ThrottleReadBpsDevice},
		{"throttleWriteBpsDevice", b.ThrottleWriteBpsDevice},
		{"throttleReadIOPSDevice", b.ThrottleReadIOPSDevice},
		{"throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice},
	} {
		for i := range throttle.devices {
			ps = append(ps, blockDevice(&throttle.devices[i].LinuxBlockIODevice).at(throttle.path, i)...)
		}
	}
	return ps
}

func blockDevice(d *specs.LinuxBlockIODevice) (ps Problems) {
	ps = append(ps, within("major", &d.Major, 0, maxMajor)...)
	return append(ps, within("minor", &d.Minor, 0, maxMinor)...)
}

// weight judges a weight of blkio; 0 leaves it as it is.
func weight(path string, w *uint16) (ps Problems) {
	if w != nil && *w != 0 {
		ps = append(ps, within(path, w, 10, 1000)...)
	}
	return ps
}

func hugepageLimits(limits []specs.LinuxHugepageLimit) (ps Problems) {
	for i, limit := range limits {
		at := len(ps)
		if !isPageSize(limit.Pagesize) {
			ps.add("pageSize", "%q is not of the form 64KB, 2MB, 1GB", limit.Pagesize)
		}
		ps = append(ps, once("pageSize", limits, i, func(l specs.LinuxHugepageLimit) string { return l.Pagesize })...)
		ps[at:].at("hugepageLimits", i)
	}
	return ps
}

// isPageSize reports whether s matches [1-9][0-9]*[KMG]B.
func isPageSize(s string) bool {
	number, ok := strings.CutSuffix(s, "B")
	if !ok || len(number) < 2 || !strings.Contains("KMG", number[len(number)-1:]) {
		return false
	}
	number = number[:len(number)-1]
	return number[0] != '0' && strings.Trim(number, "0123456789") == ""
}

func rdma(devices map[string]specs.LinuxRdma) (ps Problems) {
	for name, limits := range devices {
		var found Problems
		if name == "" || strings.ContainsAny(name, " \t\n\x00") {
			found.add("", "is not the name of a device")
		}
		if limits.HcaHandles == nil && limits.HcaObjects == nil {
			found.add("", "has neither hcaHandles nor hcaObjects")
		}
		ps = append(ps, found.of("rdma", name)...)
	}
	return ps.sorted()
}

// unified judges names of files in a cgroup. Which of them exist, the kernel knows.
func unified(files map[string]string) (ps Problems) {
	for name := range files {
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
			ps = append(ps, Problems{{"", "is not the name of a file in a cgroup"}}.of("unified", name)...)
		}
	}
	return ps.sorted()
}
