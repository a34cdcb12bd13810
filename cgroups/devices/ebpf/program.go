// Package ebpf is as much of eBPF as a filter of devices takes: a dozen kinds of
// instructions, a program of them with labels to jump to, its bytes, its text for people,
// an interpreter, and bpf(2).
//
// All arithmetic and all comparisons are of 32 bits. A program may only jump forward,
// so that it ends; the verifier of the kernel would allow more. It has one argument, in R1, the address of a
// context which the type of program defines, and its result is R0.
package ebpf

import (
	"errors"
	"fmt"
)

// A Register holds a number of 32 bits.
type Register uint8

// The registers that a program may use without a stack.
const (
	R0 Register = iota // the result
	R1                 // the address of the context
	R2
	R3
	R4
	R5
)

// A Size is a number of bytes.
type Size uint8

// The sizes of what is loaded.
const (
	Half Size = 2
	Word Size = 4
)

// An Instruction is one of the types of this package.
type Instruction interface {
	// encode returns the instruction at the index of a program whose labels are at these
	// indexes, linux/bpf.h, struct bpf_insn.
	encode(at int, labels []int) (raw, error)
	// text is the line for people; a label is shown by what target returns.
	text(target func(Label) string) string
}

// Load loads a number from the context: Dst = context[Offset].
type Load struct {
	Dst    Register
	Size   Size
	Offset int16 // in bytes
}

// Set sets a register: Dst = Value.
type Set struct {
	Dst   Register
	Value uint32
}

// And clears bits: Dst &= Mask.
type And struct {
	Dst  Register
	Mask uint32
}

// AndRegister clears bits: Dst &= Src.
type AndRegister struct{ Dst, Src Register }

// A Condition compares two numbers.
type Condition uint8

// The conditions, of a register on the left and a number or register on the right.
const (
	Equal    Condition = iota + 1
	NotEqual           //
	Greater            // without signs
	AnyBit             // left & right != 0
)

// JumpIf goes on at a label if the condition holds.
type JumpIf struct {
	Condition Condition
	Left      Register
	Right     uint32
	To        Label
}

// JumpIfRegister is JumpIf with a register on the right.
type JumpIfRegister struct {
	Condition   Condition
	Left, Right Register
	To          Label
}

// Jump goes on at a label.
type Jump struct{ To Label }

// Exit ends the program.
type Exit struct{}

// A Label is a place in a program: see [Program.NewLabel].
type Label int

// A Program is a list of instructions. The zero Program is empty and can be used.
type Program struct {
	Instructions []Instruction
	labels       []int            // the index of the instruction that each is before; -1: not placed yet
	comments     map[int][]string // by the index of the instruction that they are before
}

// Add appends instructions.
func (p *Program) Add(list ...Instruction) { p.Instructions = append(p.Instructions, list...) }

// NewLabel returns a label to jump to, whose place is to be given by Place.
func (p *Program) NewLabel() Label {
	p.labels = append(p.labels, -1)
	return Label(len(p.labels) - 1)
}

// Place puts a label before the next instruction. It has one place.
func (p *Program) Place(l Label) { p.labels[l] = len(p.Instructions) }

// Used reports whether something jumps to the label.
func (p *Program) Used(l Label) bool {
	for _, i := range p.Instructions {
		if to, ok := target(i); ok && to == l {
			return true
		}
	}
	return false
}

// Comment says something about the next instructions, to who reads the printed program.
func (p *Program) Comment(text string) {
	if p.comments == nil {
		p.comments = map[int][]string{}
	}
	p.comments[len(p.Instructions)] = append(p.comments[len(p.Instructions)], text)
}

// Falls reports whether what is added next would be reached, from the instruction before or by a jump.
func (p *Program) Falls() bool {
	if len(p.Instructions) == 0 {
		return true
	}
	for l, place := range p.labels {
		if place == len(p.Instructions) && p.Used(Label(l)) {
			return true
		}
	}
	switch p.Instructions[len(p.Instructions)-1].(type) {
	case Jump, Exit:
		return false
	}
	return true
}

func target(i Instruction) (Label, bool) {
	switch i := i.(type) {
	case Jump:
		return i.To, true
	case JumpIf:
		return i.To, true
	case JumpIfRegister:
		return i.To, true
	}
	return 0, false
}

// ErrTooFar is that a jump is over more than 32,767 instructions.
var ErrTooFar = errors.New("a jump would be too far")

// distance is what a jump at an index says: how many instructions are left out.
func distance(at int, to Label, labels []int) (int16, error) {
	n := labels[to] - at - 1
	switch {
	case labels[to] < 0:
		return 0, fmt.Errorf("label %d has no place", to)
	case n < 1: // also to the next instruction, which is no jump: verifiers have taken offence at it
		return 0, fmt.Errorf("the jump at %d leads to %d: it has to be forward, over one at least", at, labels[to])
	case n > 1<<15-1:
		return 0, ErrTooFar
	}
	return int16(n), nil
}
