package nsenter

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAssembleErrors(t *testing.T) {
	tooMany := func(p *Program) {
		for range maxImage / instrSize {
			p.call(unix.SYS_GETPID)
		}
	}
	for _, c := range []struct {
		name  string
		build func(p *Program)
		want  string
	}{
		{"unplaced target of a rule", func(p *Program) { bad(p).JumpOn(unix.EBADF, p.Target()) },
			"step 0 (label): the target of a jump was not placed"},
		{"unplaced target of a test", func(p *Program) { say(p, "a"); p.Goto(p.Target()) },
			"step 1 (label): the target of a jump was not placed"},
		{"unplaced target of fail to", func(p *Program) { bad(p).FailTo(p.Target()) }, "was not placed"},
		{"backward jump", func(p *Program) {
			here := p.Target()
			p.Place(here)
			say(p, "a")
			p.Goto(here)
		}, "step 1 (label): jump from step 1 to step 0 does not go forward"},
		{"jump to itself", func(p *Program) {
			here := p.Target()
			p.Place(here)
			p.Goto(here)
		}, "step 0 (label): jump from step 0 to step 0 does not go forward"},
		{"unknown file", func(p *Program) { p.Close(File("nowhere")) }, `no descriptor is named "nowhere"`},
		{"seven arguments", func(p *Program) {
			p.call(unix.SYS_GETPID, Int(1), Int(2), Int(3), Int(4), Int(5), Int(6), Int(7))
		}, "7 arguments and 0 rules are too many"},
		{"256 rules", func(p *Program) {
			call := bad(p)
			for range 256 {
				call.Ignore(unix.EBADF)
			}
		}, "1 arguments and 256 rules are too many"},
		{"no system call has that number", func(p *Program) { p.call(1 << 16) }, "system call 65536 does not exist"},
		{"too many steps", tooMany, "too large: 1048576 steps and their data take"},
		{"too much data", func(p *Program) {
			p.call(unix.SYS_WRITE, File("out"), Address(Buffer(maxImage+1).At(0)), Int(1))
		}, "too large: 1 steps and their data take"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := New()
			p.Label("label")
			c.build(p)
			_, err := Assemble(p, map[string]int{"out": 3})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// TestAssembleTwice makes sure that a program is not changed by being assembled,
// and that nothing in its memory depends on the order of a map.
func TestAssembleTwice(t *testing.T) {
	for _, c := range machineCases {
		p := c.program()
		files := map[string]int{"out": 3, "report": 4}
		first, err := Assemble(p, files)
		if err != nil {
			t.Fatal(err)
		}
		image := fileBytes(imageFile(p, first))
		for _, again := range []*Program{p, c.program()} {
			m, err := Assemble(again, files)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(fileBytes(imageFile(again, m)), image) {
				t.Errorf("%s: another image", c.name)
			}
		}
	}
}

// fileBytes is an image as one piece.
func fileBytes(extents []extent) []byte {
	var b []byte
	for _, e := range extents {
		if end := int(e.offset) + len(e.bytes); len(b) < end {
			b = append(b, make([]byte, end-len(b))...)
		}
		copy(b[e.offset:], e.bytes)
	}
	return b
}

func TestEqualStringsAreKeptOnce(t *testing.T) {
	build := func(texts ...string) int {
		p := New()
		for _, text := range texts {
			p.call(unix.SYS_CHDIR, p.String(text))
		}
		m, err := Assemble(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		return len(m.ReadOnly)
	}
	if same, other := build("/a", "/a"), build("/a", "/b"); same != other-8 {
		t.Errorf("two equal strings take %d bytes, two different ones %d; want 8 less", same, other)
	}
}
