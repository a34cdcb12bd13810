package nsenter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"golang.org/x/sys/unix"
)

// Where an image lies in memory. An address minus imageBase is the offset in
// the image file; what lies between is a hole. The distances are multiples of
// the largest page size (64 KiB). vm_*.s has the same numbers.
const (
	imageBase    = 0x400000
	reportBase   = imageBase + 0x10000
	programBase  = imageBase + 0x20000
	segmentAlign = 0x10000
)

// The form of an instruction in memory, in the machine's byte order:
//
//	 0  u8   Op, bit 7: Invert
//	 1  u8   bit i: argument i is the address of the 8-byte word to take
//	 2  u16  system call number
//	 4  u32  index of the step, for the report
//	 8  u32  address for the result, 0: none
//	12  u8   number of rules
//	16  u64  six arguments; a test has value, mask, wanted
//	64  u64  the rules: u16 errno, u16 action, u32 address or count
const (
	instrSize = 64
	ruleSize  = 8

	offOp, offLoads, offNr, offIndex = 0, 1, 2, 4
	offResult, offRules, offArgs     = 8, 12, 16

	invertBit = 0x80
	maxImage  = 64 << 20
)

// Memory is an assembled program: what the image's two data segments hold.
type Memory struct {
	ReadOnly     []byte // at programBase: the instructions, then the constant data
	Parked       []byte // at ParkedAddr: the instructions from Park on
	ParkedAddr   uint64 // 0: none
	Writable     []byte // at WritableAddr: the cells, then the writable data
	WritableAddr uint64
	Entries      []uint64 // the address of each step's instruction
}

// ErrTooLarge is why a program cannot be assembled that takes more than 64 MiB.
var ErrTooLarge = errors.New("the program is too large")

type assembly struct {
	*Memory
	program *Program
	files   map[string]int
	order   []*Data // constant and writable data in the order of their first use
	roEnd   uint64
	rwEnd   uint64
}

// Assemble encodes the program for the machine. files gives the descriptor
// numbers for the names used by [File]. Errors: an unplaced or backward target,
// more than six arguments or 255 rules, a system call number above 65535, an
// unknown file name, a program that is too large.
func Assemble(p *Program, files map[string]int) (*Memory, error) {
	a := &assembly{Memory: &Memory{}, program: p, files: files}
	a.layInstructions()
	a.layData()
	if a.rwEnd-programBase > maxImage {
		return nil, fmt.Errorf("%w: %d steps and their data take %d bytes, more than %d",
			ErrTooLarge, len(p.Steps), a.rwEnd-programBase, maxImage)
	}
	for i := range p.Steps {
		if err := a.encode(i); err != nil {
			return nil, fmt.Errorf("step %d (%s): %w", i, p.Steps[i].Label, err)
		}
	}
	a.copyData()
	return a.Memory, nil
}

// layInstructions gives the steps their addresses: those before Park at the start,
// the others behind the constant data.
func (a *assembly) layInstructions() {
	a.Entries = make([]uint64, len(a.program.Steps)+1)
	a.roEnd = a.lay(programBase, 0, a.program.park())
}

// lay gives the steps from first to before end their addresses from addr on. One
// more stands for the end of the program: see copyData.
func (a *assembly) lay(addr uint64, first, end int) uint64 {
	for i := first; i < end; i++ {
		a.Entries[i] = addr
		addr += instrSize + ruleSize*uint64(len(a.program.Steps[i].Rules))
	}
	if end == len(a.program.Steps) {
		a.Entries[end] = addr
		addr += instrSize
	}
	return addr
}

// park is the first step that lies apart, behind the last one if none does.
func (p *Program) park() int {
	if p.parked == 0 {
		return len(p.Steps)
	}
	return p.parked
}

// at is the memory of a step's instruction.
func (a *assembly) at(step int) []byte {
	if a.ParkedAddr != 0 && step >= a.program.park() {
		return a.Parked[a.Entries[step]-a.ParkedAddr:]
	}
	return a.ReadOnly[a.Entries[step]-programBase:]
}

func (a *assembly) layData() {
	for i := range a.program.Steps {
		s := &a.program.Steps[i]
		a.use(s.Result)
		for j := range s.Args {
			if s.Args[j].kind != argFile {
				a.use(s.Args[j].ref)
			}
		}
	}
	for _, d := range a.order {
		if !d.Writable {
			d.addr = a.roEnd
			a.roEnd = align(a.roEnd+uint64(len(d.Bytes)), 8)
		}
	}
	end := a.roEnd
	if park := a.program.park(); park < len(a.program.Steps) {
		a.ParkedAddr = align(a.roEnd, segmentAlign)
		end = a.lay(a.ParkedAddr, park, len(a.program.Steps))
		a.Parked = make([]byte, end-a.ParkedAddr)
	}
	a.WritableAddr = align(end, segmentAlign)
	a.rwEnd = a.WritableAddr + 8*uint64(len(a.program.cells))
	for _, d := range a.order {
		if d.Writable {
			d.addr = a.rwEnd
			a.rwEnd = align(a.rwEnd+uint64(len(d.Bytes)), 8)
		}
	}
	a.ReadOnly = make([]byte, a.roEnd-programBase)
	a.Writable = make([]byte, a.rwEnd-a.WritableAddr)
}

func (a *assembly) use(r Ref) {
	if r.kind != refData || r.data.gen == a {
		return
	}
	r.data.gen = a
	a.order = append(a.order, r.data)
	for _, p := range r.data.Pointers {
		a.use(p.To)
	}
}

func align(n, to uint64) uint64 { return (n + to - 1) &^ (to - 1) }

func (a *assembly) resolve(r Ref) uint64 {
	switch r.kind {
	case refCell:
		return a.WritableAddr + 8*uint64(r.cell)
	case refData:
		return r.data.addr + uint64(r.offset)
	case refReport:
		return reportBase + uint64(r.offset)
	}
	return 0
}

func (a *assembly) encode(i int) error {
	s := &a.program.Steps[i]
	if len(s.Args) > 6 || len(s.Rules) > 255 {
		return fmt.Errorf("%d arguments and %d rules are too many", len(s.Args), len(s.Rules))
	}
	if s.Nr > math.MaxUint16 {
		return fmt.Errorf("system call %d does not exist", s.Nr)
	}
	b := a.at(i)
	b[offOp] = byte(s.Op)
	if s.Invert {
		b[offOp] |= invertBit
	}
	binary.NativeEndian.PutUint16(b[offNr:], uint16(s.Nr))
	binary.NativeEndian.PutUint32(b[offIndex:], uint32(i))
	binary.NativeEndian.PutUint32(b[offResult:], uint32(a.resolve(s.Result)))
	b[offRules] = byte(len(s.Rules))
	for j := range s.Args {
		v, err := a.argument(&s.Args[j])
		if err != nil {
			return err
		}
		binary.NativeEndian.PutUint64(b[offArgs+8*j:], v)
		if s.Args[j].kind == argLoad {
			b[offLoads] |= 1 << j
		}
	}
	for j, r := range s.Rules {
		if err := a.encodeRule(i, b[instrSize+ruleSize*j:], r); err != nil {
			return err
		}
	}
	return nil
}

func (a *assembly) argument(arg *Arg) (uint64, error) {
	switch arg.kind {
	case argAddr, argLoad:
		return a.resolve(arg.ref), nil
	case argParked:
		return a.roEnd - programBase, nil
	case argFile:
		fd, ok := a.files[string(arg.ref.data.Bytes)]
		if !ok {
			return 0, fmt.Errorf("no descriptor is named %q", arg.ref.data.Bytes)
		}
		return uint64(fd), nil
	}
	return arg.value, nil
}

func (a *assembly) encodeRule(step int, b []byte, r Rule) error {
	operand := r.Count
	if r.Action == Jump || r.Action == FailTo {
		to := a.program.targets[r.Target]
		if to < 0 {
			return errors.New("the target of a jump was not placed")
		}
		if to <= step {
			return fmt.Errorf("jump from step %d to step %d does not go forward", step, to)
		}
		operand = uint32(a.Entries[to])
	}
	binary.NativeEndian.PutUint16(b, uint16(r.Errno))
	binary.NativeEndian.PutUint16(b[2:], uint16(r.Action))
	binary.NativeEndian.PutUint32(b[4:], operand)
	return nil
}

// copyData fills in the cells, the data and its pointers, and the step behind
// the last one: a call that exits with status 0.
func (a *assembly) copyData() {
	end := a.at(len(a.program.Steps))
	binary.NativeEndian.PutUint16(end[offNr:], unix.SYS_EXIT_GROUP)
	binary.NativeEndian.PutUint32(end[offIndex:], uint32(len(a.program.Steps)))
	for i, c := range a.program.cells {
		binary.NativeEndian.PutUint64(a.Writable[8*i:], c.initial)
	}
	for _, d := range a.order {
		b := a.Writable
		if d.Writable {
			b = b[d.addr-a.WritableAddr:]
		} else {
			b = a.ReadOnly[d.addr-programBase:]
		}
		copy(b, d.Bytes)
		for _, p := range d.Pointers {
			binary.NativeEndian.PutUint64(b[p.Offset:], a.resolve(p.To))
		}
	}
}
