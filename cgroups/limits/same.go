package limits

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Pids plans the limit of processes; 0 is one (nothing can fork), -1 is none.
func (p *Plan) Pids(l *specs.LinuxPids) {
	if l == nil || l.Limit == nil {
		return
	}
	if *l.Limit == -1 {
		p.Set("pids.limit", "pids.max", "max").Lifts = true
		return
	}
	if *l.Limit == 0 {
		p.Warnings = append(p.Warnings, "linux.resources.pids.limit is 0: no process of the container can fork; "+
			"no limit is -1 (podman 4.3 writes 0 for --pids-limit -1)")
	}
	p.Set("pids.limit", "pids.max", strconv.FormatInt(*l.Limit, 10))
}

// RDMA plans "DEVICE hca_handle=N hca_object=N" for each device.
func (p *Plan) RDMA(devices map[string]specs.LinuxRdma) {
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		value := name
		if n := devices[name].HcaHandles; n != nil {
			value += fmt.Sprintf(" hca_handle=%d", *n)
		}
		if n := devices[name].HcaObjects; n != nil {
			value += fmt.Sprintf(" hca_object=%d", *n)
		}
		p.Set("rdma."+name, "rdma.max", value)
	}
}

// Cpuset plans the CPUs and the memory nodes.
func (p *Plan) Cpuset(c *specs.LinuxCPU) {
	if c.Cpus != "" {
		p.Set("cpu.cpus", "cpuset.cpus", c.Cpus)
	}
	if c.Mems != "" {
		p.Set("cpu.mems", "cpuset.mems", c.Mems)
	}
}

// Hugepages plans the limits of reservations, where the kernel has them, and those
// of faults. The latter are given the same value: peers do so, and a page that is
// faulted without a reservation must not escape the limit. The files are called
// "hugetlb.SIZE." and "hugetlb.SIZE.rsvd." with the name behind.
func (p *Plan) Hugepages(limits []specs.LinuxHugepageLimit, name string) error {
	for i, l := range limits {
		property := fmt.Sprintf("hugepageLimits[%d]", i)
		if l.Pagesize == "" || strings.ContainsAny(l.Pagesize, "/.\x00") {
			return fmt.Errorf("linux.resources.%s.pageSize: %q is not a size such as 2MB", property, l.Pagesize)
		}
		value := strconv.FormatUint(l.Limit, 10)
		if reserved := "hugetlb." + l.Pagesize + ".rsvd." + name; p.Has(reserved) {
			p.Set(property, reserved, value)
		}
		p.Set(property, "hugetlb."+l.Pagesize+"."+name, value)
	}
	return nil
}

// DeviceWeights returns the lines "MAJOR:MINOR WEIGHT" of a file that also has
// "default WEIGHT".
func DeviceWeights(text string) (list []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "default ") {
			list = append(list, line)
		}
	}
	return list
}
