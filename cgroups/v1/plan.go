package v1

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A write is one value for one file of the cgroup.
type write struct {
	controller string
	file       string
	value      string
	property   string       // where the value comes from: "linux.resources.…"
	soft       []unix.Errno // errors that are only warnings
	verify     bool         // a size that reads back differently is a warning
	undo       []write      // take the write back, in this order; only where the file cannot be read
}

// A plan is what to write where, and in which order, for linux.resources. Making
// it changes nothing; the present values that decide the order are read through
// read.
type plan struct {
	read     func(controller, file string) (string, error)
	writes   []write
	warnings []string

	configuredShares *uint64 // of the CPU, before the patch; nil for none
}

// set adds a write. The controller is the file's first component ("memory" of
// "memory.limit_in_bytes").
func (p *plan) set(property, file, value string) *write {
	controller, _, _ := strings.Cut(strings.TrimLeft(file, "./"), ".")
	property = "linux.resources." + property
	p.writes = append(p.writes, write{controller: controller, file: file, value: value, property: property})
	return &p.writes[len(p.writes)-1]
}

// A number is a limit. Zero mostly says that it is not given: see [given].
type number interface{ int64 | uint64 | uint16 }

// setGiven sets a file to a number that is given.
func setGiven[T number](p *plan, property, file string, value *T) {
	if given(value) {
		setPresent(p, property, file, value)
	}
}

// setPresent sets a file to a number, zero or not.
func setPresent[T number](p *plan, property, file string, value *T) {
	if value != nil {
		p.set(property, file, fmt.Sprint(*value))
	}
}

// setBit sets a file to 1 for true, and to 0.
func (p *plan) setBit(property, file string, value *bool) {
	if value != nil {
		p.set(property, file, map[bool]string{false: "0", true: "1"}[*value])
	}
}

// given reports whether a limit is given: zero means that it is not.
func given[T number](value *T) bool { return value != nil && *value != 0 }

// number reads a present value; it is otherwise when the file cannot be read.
// The largest values of the kernel's counters need not fit in an int64: they are
// as good as the largest that does.
func (p *plan) number(file string, otherwise int64) int64 {
	controller, _, _ := strings.Cut(file, ".")
	s, err := p.read(controller, file)
	if err != nil {
		return otherwise
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return otherwise
	}
	return n
}

// has reports whether the cgroup has the file.
func (p *plan) has(controller, file string) bool {
	_, err := p.read(controller, file)
	return err == nil
}

func refuseUnified(r *specs.LinuxResources) error {
	if len(r.Unified) == 0 {
		return nil
	}
	keys := slices.Sorted(maps.Keys(r.Unified))
	return fmt.Errorf("linux.resources.unified: %s cannot be set: containers are limited through cgroup v1 here",
		strings.Join(keys, ", "))
}

// resources plans all of linux.resources but the devices, in the order of the properties in
// the specification.
func (p *plan) resources(r *specs.LinuxResources) error {
	if err := refuseUnified(r); err != nil {
		return err
	}
	p.memory(r.Memory)
	p.cpu(r.CPU)
	p.block(r.BlockIO)
	if err := p.hugepages(r.HugepageLimits); err != nil {
		return err
	}
	p.network(r.Network)
	p.pids(r.Pids)
	p.rdma(r.Rdma)
	return nil
}

// hugepages plans the limits of reservations, where the kernel has them, and those
// of faults. The latter are given the same value: peers do so, and a page that is
// faulted without a reservation must not escape the limit.
func (p *plan) hugepages(limits []specs.LinuxHugepageLimit) error {
	for i, l := range limits {
		property := fmt.Sprintf("hugepageLimits[%d]", i)
		if l.Pagesize == "" || strings.ContainsAny(l.Pagesize, "/.\x00") {
			return fmt.Errorf("linux.resources.%s.pageSize: %q is not a size such as 2MB", property, l.Pagesize)
		}
		value := strconv.FormatUint(l.Limit, 10)
		reserved := "hugetlb." + l.Pagesize + ".rsvd.limit_in_bytes"
		if p.has("hugetlb", reserved) {
			p.set(property, reserved, value)
		}
		p.set(property, "hugetlb."+l.Pagesize+".limit_in_bytes", value)
	}
	return nil
}

// network plans the marks of packets. 0 is no mark, and so needs no controller:
// engines write it for what was not asked for.
func (p *plan) network(n *specs.LinuxNetwork) {
	if n == nil {
		return
	}
	if id := n.ClassID; id != nil && (*id != 0 || p.has("net_cls", "net_cls.classid")) {
		p.set("network.classID", "net_cls.classid", strconv.FormatUint(uint64(*n.ClassID), 10))
	}
	for i, priority := range n.Priorities {
		if priority.Priority == 0 && !p.has("net_prio", "net_prio.ifpriomap") {
			continue
		}
		value := fmt.Sprintf("%s %d", priority.Name, priority.Priority)
		p.set(fmt.Sprintf("network.priorities[%d]", i), "net_prio.ifpriomap", value)
	}
}

// pids plans the limit of processes; 0 is one (nothing can fork), -1 is none.
func (p *plan) pids(l *specs.LinuxPids) {
	if l == nil || l.Limit == nil {
		return
	}
	value := "max"
	if *l.Limit != -1 {
		value = strconv.FormatInt(*l.Limit, 10)
	}
	if *l.Limit == 0 {
		p.warnings = append(p.warnings, "linux.resources.pids.limit is 0: no process of the container can fork; "+
			"no limit is -1 (podman 4.3 writes 0 for --pids-limit -1)")
	}
	p.set("pids.limit", "pids.max", value)
}

// rdma plans "DEVICE hca_handle=N hca_object=N" for each device.
func (p *plan) rdma(devices map[string]specs.LinuxRdma) {
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		value := name
		if n := devices[name].HcaHandles; n != nil {
			value += fmt.Sprintf(" hca_handle=%d", *n)
		}
		if n := devices[name].HcaObjects; n != nil {
			value += fmt.Sprintf(" hca_object=%d", *n)
		}
		p.set("rdma."+name, "rdma.max", value)
	}
}
