package nsenter

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// Interpreter runs an assembled program as the machine does, in Go and with the
// kernel as a parameter. Tests use it to follow programs without root.
type Interpreter struct {
	// Syscall is the kernel. Pointers among the arguments are addresses in the
	// program's memory: see [Interpreter.Bytes]. It returns the result, or an
	// errno.
	Syscall func(nr uintptr, args [6]uint64) (uint64, unix.Errno)
	// Trace, if not nil, is told of each instruction before it is executed.
	Trace func(step int)

	memory *Memory
	report []byte
}

// Run executes the program until it exits. An execve or exit_group for which
// Syscall returns no errno ends the run too.
func (in *Interpreter) Run(m *Memory) (Report, error) {
	in.memory, in.report = m, make([]byte, ReportSize)
	pc, repeats := uint64(programBase), uint32(0)
	for {
		b, err := in.Bytes(pc, instrSize)
		if err != nil {
			return ParseReport(in.report), err
		}
		index := binary.NativeEndian.Uint32(b[offIndex:])
		binary.NativeEndian.PutUint32(in.report[reportProgress:], index)
		if in.Trace != nil {
			in.Trace(int(index))
		}
		next, done, err := in.step(pc, b, &repeats)
		if done || err != nil {
			return ParseReport(in.report), err
		}
		if next != pc {
			repeats = 0
		}
		pc = next
	}
}

// Bytes is size bytes of the program's memory at an address.
func (in *Interpreter) Bytes(addr uint64, size int) ([]byte, error) {
	for _, s := range []struct {
		base  uint64
		bytes []byte
	}{
		{programBase, in.memory.ReadOnly}, {in.memory.ParkedAddr, in.memory.Parked},
		{in.memory.WritableAddr, in.memory.Writable}, {reportBase, in.report},
	} {
		end := uint64(len(s.bytes))
		if at := addr - s.base; size >= 0 && addr >= s.base && at <= end && uint64(size) <= end-at {
			return s.bytes[at:][:size], nil
		}
	}
	return nil, fmt.Errorf("address %#x is outside of the program's memory", addr)
}

func (in *Interpreter) step(pc uint64, b []byte, repeats *uint32) (next uint64, done bool, err error) {
	var args [6]uint64
	for i := range args {
		args[i] = binary.NativeEndian.Uint64(b[offArgs+8*i:])
		if b[offLoads]&(1<<i) != 0 {
			word, err := in.Bytes(args[i], 8)
			if err != nil {
				return 0, false, err
			}
			args[i] = binary.NativeEndian.Uint64(word)
		}
	}
	rules, err := in.Bytes(pc+instrSize, ruleSize*int(b[offRules]))
	if err != nil {
		return 0, false, err
	}
	following := pc + instrSize + uint64(len(rules))
	if b[offOp]&^invertBit == byte(OpTest) {
		if equal, invert := args[0]&args[1] == args[2], b[offOp]&invertBit != 0; equal != invert {
			return following, false, nil
		}
		errno := unix.Errno(binary.NativeEndian.Uint16(rules)) // that of all its rules
		return in.failed(pc, following, b, rules, errno, repeats)
	}

	nr := uintptr(binary.NativeEndian.Uint16(b[offNr:]))
	result, errno := in.Syscall(nr, args)
	if errno != 0 {
		return in.failed(pc, following, b, rules, errno, repeats)
	}
	if nr == unix.SYS_EXECVE || nr == unix.SYS_EXIT_GROUP {
		return 0, true, nil
	}
	if addr := binary.NativeEndian.Uint32(b[offResult:]); addr != 0 {
		word, err := in.Bytes(uint64(addr), 8)
		if err != nil {
			return 0, false, err
		}
		binary.NativeEndian.PutUint64(word, result)
	}
	return following, false, nil
}

func (in *Interpreter) failed(
	pc, following uint64, b, rules []byte, errno unix.Errno, repeats *uint32,
) (uint64, bool, error) {
	for ; len(rules) > 0; rules = rules[ruleSize:] {
		if on := unix.Errno(binary.NativeEndian.Uint16(rules)); on != errno && on != AnyErrno {
			continue
		}
		operand := binary.NativeEndian.Uint32(rules[4:])
		switch Action(binary.NativeEndian.Uint16(rules[2:])) {
		case Continue:
			return following, false, nil
		case Jump:
			return uint64(operand), false, nil
		case Repeat:
			if *repeats < operand {
				*repeats++
				return pc, false, nil
			}
			continue
		case FailTo:
			in.fail(b, errno)
			return uint64(operand), false, nil
		}
		break
	}
	in.fail(b, errno)
	return 0, true, nil
}

func (in *Interpreter) fail(b []byte, errno unix.Errno) {
	binary.NativeEndian.PutUint32(in.report[reportErrno:], uint32(errno))
	binary.NativeEndian.PutUint32(in.report[reportFailed:], binary.NativeEndian.Uint32(b[offIndex:])+1)
}
