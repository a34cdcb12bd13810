package seccomp

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// A call is struct seccomp_data.
type call struct {
	nr, audit uint32
	args      [maxArgs]uint64
	big       bool // the machine is big endian
}

func (c call) String() string {
	return fmt.Sprintf("call{nr %#x, audit %#x, args %#x}", c.nr, c.audit, c.args)
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

func (c call) order() byteOrder {
	if c.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func (c call) bytes() []byte {
	order := c.order()
	b := order.AppendUint32(nil, c.nr)
	b = order.AppendUint32(b, c.audit)
	b = order.AppendUint64(b, 0) // instruction_pointer
	for _, a := range c.args {
		b = order.AppendUint64(b, a)
	}
	return b
}

// interpret runs a filter as the kernel does and returns the verdict and the
// number of instructions executed.
func interpret(code []unix.SockFilter, c call) (verdict uint32, steps int, err error) {
	data := c.bytes()
	var a uint32
	for pc := 0; pc < len(code); pc++ {
		steps++
		in := code[pc]
		jump := func(yes bool) {
			if yes {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		}
		switch in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			if in.K%4 != 0 || in.K >= uint32(len(data)) {
				return 0, steps, fmt.Errorf("instruction %d loads offset %d", pc, in.K)
			}
			a = c.order().Uint32(data[in.K:])
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= in.K
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(in.K)
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			jump(a == in.K)
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			jump(a > in.K)
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			jump(a >= in.K)
		case unix.BPF_RET | unix.BPF_K:
			return in.K, steps, nil
		default:
			return 0, steps, fmt.Errorf("instruction %d has code %#x", pc, in.Code)
		}
	}
	return 0, steps, fmt.Errorf("the program does not return")
}
