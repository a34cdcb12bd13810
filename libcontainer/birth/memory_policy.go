package birth

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/spec"
)

// memoryPolicy sets the NUMA policy, set_mempolicy(2).
func (c *compiler) memoryPolicy(p *specs.LinuxMemoryPolicy) error {
	mode, err := memoryPolicyMode(p)
	if err != nil {
		return err
	}
	ranges, err := spec.ParseList(p.Nodes)
	if err != nil && p.Nodes != "" {
		return fmt.Errorf("nodes: %w", err)
	}
	const maxNodes = 1024
	mask, nodes := make([]byte, maxNodes/8), 0
	for _, r := range ranges {
		if r.Last >= maxNodes {
			return fmt.Errorf("nodes: %d is more than the kernel can have", r.Last)
		}
		for n := r.First; n <= r.Last; n++ {
			mask[n/8] |= 1 << (n % 8)
			nodes++
		}
	}
	c.about("linux.memoryPolicy", "setting linux.memoryPolicy")
	if nodes == 0 {
		mask = nil
	}
	c.SetMempolicy(mode, mask)
	return nil
}

// memoryPolicyMode is the mode with its flags (include/uapi/linux/mempolicy.h).
func memoryPolicyMode(p *specs.LinuxMemoryPolicy) (mode int, err error) {
	switch p.Mode {
	case specs.MpolDefault:
		mode = 0
	case specs.MpolPreferred:
		mode = 1
	case specs.MpolBind:
		mode = 2
	case specs.MpolInterleave:
		mode = 3
	case specs.MpolLocal:
		mode = 4
	case specs.MpolPreferredMany:
		mode = 5
	case specs.MpolWeightedInterleave:
		mode = 6
	default:
		return 0, fmt.Errorf("mode: unknown mode %q", p.Mode)
	}
	for i, f := range p.Flags {
		switch f {
		case specs.MpolFStaticNodes:
			mode |= 1 << 15
		case specs.MpolFRelativeNodes:
			mode |= 1 << 14
		case specs.MpolFNumaBalancing:
			mode |= 1 << 13
		default:
			return 0, fmt.Errorf("flags[%d]: unknown flag %q", i, f)
		}
	}
	return mode, nil
}
