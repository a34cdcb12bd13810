package ebpf

import (
	"encoding/binary"
	"fmt"
)

// raw is an instruction of the kernel's: linux/bpf.h, struct bpf_insn.
type raw struct {
	code     uint8
	dst, src Register
	offset   int16
	value    uint32
}

// The parts of an instruction's code: linux/bpf_common.h, linux/bpf.h.
const (
	classLoad   = 0x01 // BPF_LDX
	classJump   = 0x05 // BPF_JMP
	classJump32 = 0x06 // BPF_JMP32: compares 32 bits
	classALU    = 0x04 // BPF_ALU: of 32 bits, the upper half becomes zero

	modeMemory   = 0x60 // BPF_MEM
	sizeHalf     = 0x08 // BPF_H
	sizeWord     = 0x00 // BPF_W
	fromRegister = 0x08 // BPF_X: the second operand is a register

	aluAnd  = 0x50
	aluMove = 0xb0

	jumpAlways  = 0x00
	jumpEqual   = 0x10
	jumpGreater = 0x20
	jumpAnyBit  = 0x40
	jumpNot     = 0x50
	jumpExit    = 0x90
)

// instructionSize is the number of bytes of an instruction.
const instructionSize = 8

// Assemble returns the bytes of the program, in the machine's order, as BPF_PROG_LOAD
// takes them. It fails with ErrTooFar for a program that is too long, and for jumps that no
// program may have.
func (p *Program) Assemble() ([]byte, error) {
	b := make([]byte, 0, instructionSize*len(p.Instructions))
	for at, i := range p.Instructions {
		r, err := i.encode(at, p.labels)
		if err != nil {
			return nil, fmt.Errorf("instruction %d: %w", at, err)
		}
		b = append(b, r.code, byte(r.dst)|byte(r.src)<<4) // the order of the halves is that of little endian
		b = binary.NativeEndian.AppendUint16(b, uint16(r.offset))
		b = binary.NativeEndian.AppendUint32(b, r.value)
	}
	return b, nil
}

func (i Load) encode(int, []int) (raw, error) {
	size := uint8(sizeWord)
	if i.Size == Half {
		size = sizeHalf
	}
	return raw{code: classLoad | modeMemory | size, dst: i.Dst, src: R1, offset: i.Offset}, nil
}

func (i Set) encode(int, []int) (raw, error) {
	return raw{code: classALU | aluMove, dst: i.Dst, value: i.Value}, nil
}

func (i And) encode(int, []int) (raw, error) {
	return raw{code: classALU | aluAnd, dst: i.Dst, value: i.Mask}, nil
}

func (i AndRegister) encode(int, []int) (raw, error) {
	return raw{code: classALU | aluAnd | fromRegister, dst: i.Dst, src: i.Src}, nil
}

func (i JumpIf) encode(at int, labels []int) (raw, error) {
	n, err := distance(at, i.To, labels)
	return raw{code: classJump32 | i.Condition.code(), dst: i.Left, offset: n, value: i.Right}, err
}

func (i JumpIfRegister) encode(at int, labels []int) (raw, error) {
	n, err := distance(at, i.To, labels)
	return raw{code: classJump32 | fromRegister | i.Condition.code(), dst: i.Left, src: i.Right, offset: n}, err
}

func (i Jump) encode(at int, labels []int) (raw, error) {
	n, err := distance(at, i.To, labels)
	return raw{code: classJump | jumpAlways, offset: n}, err
}

func (Exit) encode(int, []int) (raw, error) { return raw{code: classJump | jumpExit}, nil }

func (c Condition) code() uint8 {
	return [...]uint8{Equal: jumpEqual, NotEqual: jumpNot, Greater: jumpGreater, AnyBit: jumpAnyBit}[c]
}
