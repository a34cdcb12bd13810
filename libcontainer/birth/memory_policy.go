package birth

import (
	"fmt"
	"slices"

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
	mask, err := bitmap(ranges, maxNodes)
	if err != nil {
		return fmt.Errorf("nodes: %w", err)
	}
	c.about("linux.memoryPolicy", "setting linux.memoryPolicy")
	if len(ranges) == 0 {
		mask = nil
	}
	c.SetMempolicy(mode, mask)
	return nil
}

// maxNodes is the greatest number of NUMA nodes that Linux can be built for (CONFIG_NODES_SHIFT).
const maxNodes = 1024

// The modes have the numbers of their places, the flags these bits
// (include/uapi/linux/mempolicy.h).
var (
	memoryPolicyModes = [...]specs.MemoryPolicyModeType{
		specs.MpolDefault, specs.MpolPreferred, specs.MpolBind, specs.MpolInterleave, specs.MpolLocal,
		specs.MpolPreferredMany, specs.MpolWeightedInterleave,
	}
	memoryPolicyFlags = map[specs.MemoryPolicyFlagType]int{
		specs.MpolFStaticNodes: 1 << 15, specs.MpolFRelativeNodes: 1 << 14, specs.MpolFNumaBalancing: 1 << 13,
	}
)

// memoryPolicyMode is the mode with its flags.
func memoryPolicyMode(p *specs.LinuxMemoryPolicy) (int, error) {
	mode := slices.Index(memoryPolicyModes[:], p.Mode)
	if mode < 0 {
		return 0, fmt.Errorf("mode: unknown mode %q", p.Mode)
	}
	for i, f := range p.Flags {
		bit, known := memoryPolicyFlags[f]
		if !known {
			return 0, fmt.Errorf("flags[%d]: unknown flag %q", i, f)
		}
		mode |= bit
	}
	return mode, nil
}
