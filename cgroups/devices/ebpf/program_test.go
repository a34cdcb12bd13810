package ebpf

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
)

// all has every kind of instruction. It returns 1 if the first word of the context has a bit
// of the second, or is 7.
func all() *Program {
	p := new(Program)
	yes, no := p.NewLabel(), p.NewLabel()
	p.Comment("what is given")
	p.Add(Load{R2, Half, 2}, Load{R3, Word, 4}, Set{R0, 3}, AndRegister{R0, R2}, And{R0, 1},
		JumpIf{NotEqual, R0, 0, no}, JumpIf{Equal, R2, 7, yes}, JumpIf{Greater, R3, 1 << 31, no},
		JumpIf{AnyBit, R3, 1 << 30, no}, JumpIfRegister{AnyBit, R2, R3, yes}, Jump{no})
	p.Add(Set{R0, 2}, Exit{})
	p.Place(no)
	p.Add(Set{R0, 0}, Exit{})
	p.Place(yes)
	p.Add(Set{R0, 1}, Exit{})
	return p
}

// The bytes are those of linux/bpf.h, read by hand.
func TestAssemble(t *testing.T) {
	const want = "6912020000000000" + "6113040000000000" + "b400000003000000" + "5c20000000000000" +
		"5400000001000000" +
		"5600070000000000" + "1602080007000000" + "2603050000000080" + "4603040000000040" + "4e32050000000000" +
		"0500020000000000" + "b400000002000000" + "9500000000000000" + "b400000000000000" + "9500000000000000" +
		"b400000001000000" + "9500000000000000"
	b, err := all().Assemble()
	if got := hex.EncodeToString(b); err != nil || got != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
	}
}

func TestPrint(t *testing.T) {
	const want = `
# what is given
   0  r2 = u16[context + 2]
   1  r3 = u32[context + 4]
   2  r0 = 3
   3  r0 &= r2
   4  r0 &= 1
   5  if r0 != 0 go 13
   6  if r2 == 7 go 15
   7  if r3 > 2147483648 go 13
   8  if r3 & 1073741824 go 13
   9  if r2 & r3 go 15
  10  go 13
  11  r0 = 2
  12  exit
  13  r0 = 0
  14  exit
  15  r0 = 1
  16  exit
`
	if got := all().String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRun(t *testing.T) {
	code, err := all().Assemble()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ first, second, want uint32 }{
		{2, 2, 1}, {2, 4, 0}, {1, 1, 0}, {6, 1<<31 + 1, 0}, {6, 1 << 31, 0}, {6, 1<<30 | 2, 0},
	} {
		context := binary.NativeEndian.AppendUint32(nil, c.first<<16)
		context = binary.NativeEndian.AppendUint32(context, c.second)
		if got, _, err := Run(code, context); err != nil || got != c.want {
			t.Errorf("%d, %d: got %d, %v, want %d", c.first, c.second, got, err, c.want)
		}
	}
}

// What the verifier would refuse ends with an error, too.
func TestRunRefuses(t *testing.T) {
	for _, p := range []*Program{
		{}, {Instructions: []Instruction{Set{R0, 0}}}, {Instructions: []Instruction{Exit{}}},
		{Instructions: []Instruction{Load{R2, Word, 8}, Exit{}}},
		{Instructions: []Instruction{Load{R2, Word, 2}, Exit{}}},
		{Instructions: []Instruction{And{R2, 1}, Exit{}}}, {Instructions: []Instruction{Set{R1, 1}, Exit{}}},
		{Instructions: []Instruction{Set{R0, 1}, AndRegister{R0, R5}, Exit{}}},
	} {
		code, err := p.Assemble()
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := Run(code, make([]byte, 8)); err == nil {
			t.Errorf("%q: got %d", fmt.Sprint(p), got)
		}
	}
	if _, _, err := Run([]byte{0xff, 0, 0, 0, 0, 0, 0, 0}, nil); err == nil {
		t.Error("an instruction that there is not")
	}
}

func TestJumps(t *testing.T) {
	for _, between := range []int{0, 1, 1<<15 - 1, 1 << 15} {
		p := new(Program)
		l := p.NewLabel()
		p.Add(Jump{l})
		for range between {
			p.Add(Set{R0, 0})
		}
		p.Place(l)
		p.Add(Exit{})
		_, err := p.Assemble()
		if ok := between > 0 && between < 1<<15; ok != (err == nil) || errors.Is(err, ErrTooFar) != (between == 1<<15) {
			t.Errorf("a jump over %d: %v", between, err)
		}
	}
	p := new(Program)
	p.Add(Jump{p.NewLabel()}, Exit{})
	if _, err := p.Assemble(); err == nil {
		t.Error("a jump to nowhere")
	}
}
