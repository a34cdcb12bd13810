package birth

import (
	"fmt"
	"slices"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// initialAffinity is where the process runs before it is in its cgroup.
func (c *compiler) initialAffinity() error {
	if a := c.proc.ExecCPUAffinity; a != nil && a.Initial != "" {
		return c.runOn(a.Initial, "process.execCPUAffinity.initial")
	}
	return nil
}

// finalAffinity is where it runs from then on. Who names no CPUs for that wants what the
// kernel makes of the initial ones.
func (c *compiler) finalAffinity() error {
	switch a := c.proc.ExecCPUAffinity; {
	case a == nil:
		c.affinity()
	case a.Final != "":
		return c.runOn(a.Final, "process.execCPUAffinity.final")
	}
	return nil
}

func (c *compiler) runOn(cpus, property string) error {
	ranges, err := spec.ParseList(cpus)
	if err != nil {
		return fmt.Errorf("%s: %w", property, err)
	}
	mask, err := bitmap(ranges, maxCPUs)
	if err != nil {
		return fmt.Errorf("%s: CPU %w", property, err)
	}
	c.about(property, "setting "+property)
	c.SchedSetaffinity(mask)
	return nil
}

// bitmap has the numbers of ranges, all below most, as bits.
func bitmap(ranges []spec.Range, most uint32) ([]byte, error) {
	bits := make([]byte, most/8)
	for _, r := range ranges {
		if r.Last >= most {
			return nil, fmt.Errorf("%d is more than the kernel can have", r.Last)
		}
		for n := r.First; n <= r.Last; n++ {
			bits[n/8] |= 1 << (n % 8)
		}
	}
	return bits, nil
}

// affinity undoes a restriction that the caller of rung lives under: the
// container's cpuset is what counts.
func (c *compiler) affinity() {
	all := slices.Repeat([]byte{0xff}, maxCPUs/8)
	c.Label("allowing all CPUs of the cgroup")
	c.SchedSetaffinity(all).Ignore(nsenter.AnyErrno)
}

// maxCPUs is the greatest number of CPUs that Linux can be built for (CONFIG_NR_CPUS).
const maxCPUs = 8192
