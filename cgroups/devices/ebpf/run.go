package ebpf

import (
	"encoding/binary"
	"fmt"
)

// Run interprets assembled bytes as the kernel does, with a context, and returns the
// result and how many instructions were executed. It knows the instructions of this
// package and is as strict as the verifier: it refuses to read a register that has no value, or beyond the
// context, and to leave the program other than by Exit.
func Run(code, context []byte) (result uint32, executed int, err error) {
	m := machine{context: context, known: [6]bool{R1: true}}
	for at := 0; ; {
		if at < 0 || at >= len(code)/instructionSize {
			return 0, executed, fmt.Errorf("instruction %d is none of the program", at)
		}
		i := decode(code[at*instructionSize:])
		executed++
		if i.code == classJump|jumpExit {
			return m.registers[R0], executed, m.reads(R0)
		}
		jump, err := m.step(i)
		if err != nil {
			return 0, executed, fmt.Errorf("instruction %d: %w", at, err)
		}
		at++
		if jump {
			at += int(i.offset)
		}
	}
}

func decode(b []byte) raw {
	return raw{
		code: b[0], dst: Register(b[1] & 15), src: Register(b[1] >> 4),
		offset: int16(binary.NativeEndian.Uint16(b[2:])), value: binary.NativeEndian.Uint32(b[4:]),
	}
}

// A machine is the state of a program that runs. R1 is the address of the context and no number.
type machine struct {
	registers [6]uint32
	known     [6]bool
	context   []byte
}

func (m *machine) reads(r Register) error {
	if r > R5 || r == R1 || !m.known[r] {
		return fmt.Errorf("%s has no number", r)
	}
	return nil
}

func (m *machine) writes(r Register, value uint32) error {
	if r > R5 || r == R1 {
		return fmt.Errorf("%s cannot be changed", r)
	}
	m.registers[r], m.known[r] = value, true
	return nil
}

// step executes one instruction and reports whether it jumps.
func (m *machine) step(i raw) (jump bool, err error) {
	switch i.code {
	case classLoad | modeMemory | sizeHalf, classLoad | modeMemory | sizeWord:
		return false, m.load(i)
	case classALU | aluMove:
		return false, m.writes(i.dst, i.value)
	case classJump | jumpAlways:
		return true, nil
	}
	right := i.value
	if i.code&fromRegister != 0 {
		if err := m.reads(i.src); err != nil {
			return false, err
		}
		right = m.registers[i.src]
	}
	if err := m.reads(i.dst); err != nil {
		return false, err
	}
	left := m.registers[i.dst]
	switch i.code &^ fromRegister {
	case classALU | aluAnd:
		return false, m.writes(i.dst, left&right)
	case classJump32 | jumpEqual:
		return left == right, nil
	case classJump32 | jumpNot:
		return left != right, nil
	case classJump32 | jumpGreater:
		return left > right, nil
	case classJump32 | jumpAnyBit:
		return left&right != 0, nil
	}
	return false, fmt.Errorf("there is no instruction %#x", i.code)
}

func (m *machine) load(i raw) error {
	size := 4
	if i.code&sizeHalf != 0 {
		size = 2
	}
	at := int(i.offset)
	if i.src != R1 || at < 0 || at+size > len(m.context) || at%size != 0 {
		return fmt.Errorf("%d bytes at %s + %d are not in the context", size, i.src, at)
	}
	if size == 2 {
		return m.writes(i.dst, uint32(binary.NativeEndian.Uint16(m.context[at:])))
	}
	return m.writes(i.dst, binary.NativeEndian.Uint32(m.context[at:]))
}
