package seccomp

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data (include/uapi/linux/seccomp.h).
const (
	offNr   = 0
	offArch = 4
	offArgs = 16
)

const maxArgs = 6

// A condition compares one argument: arg & mask, by jeq, jgt or jge, with
// value. negated turns the result round.
type condition struct {
	arg     uint
	jump    uint16
	negated bool
	mask    uint64
	value   uint64
}

// operators are the known operators, sorted.
var operators = [...]struct {
	name    specs.LinuxSeccompOperator
	jump    uint16
	negated bool
}{
	{specs.OpEqualTo, unix.BPF_JEQ, false},
	{specs.OpGreaterEqual, unix.BPF_JGE, false},
	{specs.OpGreaterThan, unix.BPF_JGT, false},
	{specs.OpLessEqual, unix.BPF_JGT, true},
	{specs.OpLessThan, unix.BPF_JGE, true},
	{specs.OpMaskedEqual, unix.BPF_JEQ, false},
	{specs.OpNotEqual, unix.BPF_JEQ, true},
}

// Operators returns the operators that Compile accepts, sorted.
func Operators() []string {
	out := make([]string, len(operators))
	for i, o := range operators {
		out[i] = string(o.name)
	}
	return out
}

func parseCondition(a specs.LinuxSeccompArg) (condition, error) {
	if a.Index >= maxArgs {
		return condition{}, fmt.Errorf("index: %d is greater than %d", a.Index, maxArgs-1)
	}
	for _, o := range operators {
		if o.name != a.Op {
			continue
		}
		c := condition{arg: a.Index, jump: o.jump, negated: o.negated, mask: ^uint64(0), value: a.Value}
		if a.Op == specs.OpMaskedEqual {
			// Bits of the operand outside the mask do not count.
			c.mask, c.value = a.Value, a.ValueTwo&a.Value
		}
		return c, nil
	}
	return condition{}, fmt.Errorf("op: unknown operator %q", a.Op)
}

// narrow returns the condition as it is on an ABI with 32-bit registers.
func (c condition) narrow() condition {
	c.mask &= 1<<32 - 1
	c.value &= 1<<32 - 1
	return c
}

// assemble writes the test of c before what is written and returns its label.
// It goes to yes or no.
func (c condition) assemble(a *assembler, on *abi, yes, no label) label {
	if c.negated {
		yes, no = no, yes
	}
	lo := offArgs + 8*uint32(c.arg)
	hi := lo + 4
	if on.big {
		lo, hi = hi, lo
	}
	if !on.wide {
		return compareWord(a, lo, c.jump, uint32(c.mask), uint32(c.value), yes, no)
	}
	low := compareWord(a, lo, c.jump, uint32(c.mask), uint32(c.value), yes, no)
	mask, value := uint32(c.mask>>32), uint32(c.value>>32)
	if c.jump == unix.BPF_JEQ {
		return compareWord(a, hi, unix.BPF_JEQ, mask, value, low, no)
	}
	equal := a.branch(unix.BPF_JEQ, value, low, no)
	a.branch(unix.BPF_JGT, value, yes, equal)
	return a.load(hi)
}

// compareWord compares one half of an argument.
func compareWord(a *assembler, off uint32, jump uint16, mask, value uint32, yes, no label) label {
	if mask == 0 { // only of a masked comparison, whose value is then 0 too
		return yes
	}
	a.branch(jump, value, yes, no)
	if mask != 1<<32-1 {
		a.and(mask)
	}
	return a.load(off)
}
