package seccomp

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/spec"
)

// A profile is a checked specs.LinuxSeccomp.
type profile struct {
	abis          []bool // for each ABI of the machine, whether it is listed
	defaultAction uint32
	flags         uint
	entries       []entry
}

// An entry is a checked specs.LinuxSyscall: one of rules must hold.
type entry struct {
	index int // among the profile's
	names []string
	rules []rule
}

// A rule takes its action when all conditions hold.
type rule struct {
	action     uint32
	conditions []condition
}

func parseProfile(s *specs.LinuxSeccomp, native []abi) (p profile, err error) {
	if p.defaultAction, err = parseAction(s.DefaultAction, s.DefaultErrnoRet); err != nil {
		return p, fmt.Errorf("defaultAction: %w", err)
	}
	if p.flags, err = parseFlags(s.Flags); err != nil {
		return p, err
	}
	if p.abis, err = parseArchs(s.Architectures, native); err != nil {
		return p, err
	}
	p.entries = make([]entry, len(s.Syscalls))
	for i := range s.Syscalls {
		if p.entries[i], err = parseEntry(i, &s.Syscalls[i]); err != nil {
			return p, fmt.Errorf("syscalls[%d]%w", i, err)
		}
	}
	return p, nil
}

// parseArchs ignores architectures that processes of this machine cannot have.
// The native one is always listed.
func parseArchs(list []specs.Arch, native []abi) ([]bool, error) {
	listed := make([]bool, len(native))
	listed[0] = true
	known := spec.SeccompArchs()
	for i, arch := range list {
		if !slices.Contains(known, arch) {
			return nil, fmt.Errorf("architectures[%d]: unknown architecture %q", i, arch)
		}
		for n := range native {
			listed[n] = listed[n] || native[n].arch == arch
		}
	}
	return listed, nil
}

func parseEntry(index int, s *specs.LinuxSyscall) (entry, error) {
	if len(s.Names) == 0 {
		return entry{}, errors.New(".names: empty")
	}
	if i := slices.Index(s.Names, ""); i >= 0 {
		return entry{}, fmt.Errorf(".names[%d]: empty", i)
	}
	action, err := parseAction(s.Action, s.ErrnoRet)
	if err != nil {
		return entry{}, fmt.Errorf(".action: %w", err)
	}
	all := make([]condition, len(s.Args))
	for i, a := range s.Args {
		if all[i], err = parseCondition(a); err != nil {
			return entry{}, fmt.Errorf(".args[%d].%w", i, err)
		}
	}
	return entry{index, s.Names, rulesOf(action, all)}, nil
}

// rulesOf makes one rule of conditions on different arguments, or one of each
// condition when an argument occurs twice.
func rulesOf(action uint32, all []condition) (rules []rule) {
	var seen [maxArgs]bool
	twice := false
	for _, c := range all {
		twice = twice || seen[c.arg]
		seen[c.arg] = true
	}
	if !twice {
		return []rule{{action, all}}
	}
	for one := range slices.Chunk(all, 1) {
		rules = append(rules, rule{action, one})
	}
	return rules
}
