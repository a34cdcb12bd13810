package nsenter

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"
)

// generator makes programs out of bytes. They only use system calls that do no
// harm and whose outcome a fake kernel can foretell; see [fakeKernel].
type generator struct {
	*Program
	bytes []byte
	open  []Target // not placed yet
	cells []Cell   // with values that do not depend on the kernel
	data  *Data
}

// next is a number below n; behind the end of the bytes it is 0.
func (g *generator) next(n int) int {
	if len(g.bytes) == 0 {
		return 0
	}
	b := g.bytes[0]
	g.bytes = g.bytes[1:]
	return int(b) % n
}

func generate(b []byte) *Program {
	const mostSteps = 100
	g := &generator{Program: New(), bytes: b, data: Buffer(64)}
	g.Label("mapping the report page")
	g.MapReport("report")
	g.cells = []Cell{g.Cell("a"), g.Cell("b"), g.Cell("c")}
	for len(g.bytes) > 0 && len(g.Steps) < mostSteps {
		g.Label(string(rune('A' + g.next(4))))
		g.step()
	}
	for _, t := range g.open {
		g.Place(t)
	}
	return g.Program
}

func (g *generator) step() {
	switch g.next(13) {
	case 0, 1:
		const text = "abcdefgh"
		length := 1 + g.next(len(text))
		g.result(g.call(unix.SYS_WRITE, File("out"), g.String(text[:length]), Int(length)))
	case 2:
		g.call(unix.SYS_GETPID)
	case 3:
		g.result(g.call(unix.SYS_CLOSE, Int(12345)))
	case 4:
		g.result(g.call(unix.SYS_LSEEK, File("out"), Int(0), Int(0)))
	case 5:
		g.result(g.call(unix.SYS_WRITE, File("out"), Int(64), Int(8)))
	case 6:
		g.result(g.call(unix.SYS_READ, File("out"), Address(g.data.At(0)), Int(8)))
	case 7:
		g.Expect(g.value(), g.mask(), uint64(g.next(6)), unix.Errno(1+g.next(100)))
	case 8:
		g.JumpIf(g.value(), g.mask(), uint64(g.next(6)), g.target())
	case 9:
		g.JumpUnless(g.value(), g.mask(), uint64(g.next(6)), g.target())
	case 10:
		if len(g.open) > 0 {
			i := g.next(len(g.open))
			g.Place(g.open[i])
			g.open = append(g.open[:i:i], g.open[i+1:]...)
		} else {
			g.Goto(g.target())
		}
	case 11:
		if g.next(8) == 0 {
			g.call(unix.SYS_EXIT_GROUP, Int(g.next(2)))
		}
	case 12:
		g.await(g.value(), g.mask(), uint64(g.next(6)), uint32(g.next(4)), unix.Errno(1+g.next(100)))
	}
}

// result stores the result somewhere and adds rules.
func (g *generator) result(c Call) {
	switch g.next(4) {
	case 0:
		c.Into(g.cells[g.next(len(g.cells))])
	case 1:
		c.IntoRef(g.data.At(8 + 8*g.next(6)))
	}
	errnos := [...]unix.Errno{unix.EBADF, unix.ESPIPE, unix.EFAULT, unix.EINTR, AnyErrno}
	for range g.next(4) {
		errno := errnos[g.next(len(errnos))]
		switch g.next(4) {
		case 0:
			c.Ignore(errno)
		case 1:
			c.JumpOn(errno, g.target())
		case 2:
			c.RepeatOn(errno, uint32(g.next(4)))
		case 3:
			c.FailTo(g.target())
		}
	}
}

func (g *generator) value() Arg {
	switch g.next(4) {
	case 0:
		return Int(g.next(6))
	case 1:
		return Load(g.data.At(8 + 8*g.next(6)))
	}
	return Value(g.cells[g.next(len(g.cells))])
}

func (g *generator) mask() uint64 { return []uint64{^uint64(0), 0, 1, 7, 1 << 63}[g.next(5)] }

// target is one that is still open, or a new one.
func (g *generator) target() Target {
	if i := g.next(len(g.open) + 1); i < len(g.open) {
		return g.open[i]
	}
	t := g.Target()
	g.open = append(g.open, t)
	return t
}

// fakeKernel answers as the kernel does for the writing end of a pipe.
func fakeKernel(in *Interpreter, out *bytes.Buffer) func(uintptr, [6]uint64) (uint64, unix.Errno) {
	return func(nr uintptr, args [6]uint64) (uint64, unix.Errno) {
		switch nr {
		case unix.SYS_WRITE:
			b, err := in.Bytes(args[1], int(args[2]))
			if err != nil {
				return 0, unix.EFAULT
			}
			out.Write(b)
			return args[2], 0
		case unix.SYS_LSEEK:
			return 0, unix.ESPIPE
		case unix.SYS_CLOSE, unix.SYS_READ:
			return 0, unix.EBADF
		}
		return 1, 0
	}
}

func interpret(t *testing.T, p *Program) (string, Report) {
	t.Helper()
	m, err := Assemble(p, map[string]int{"out": 3, "report": 4})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	in := &Interpreter{}
	in.Syscall = fakeKernel(in, &out)
	last := -1
	repeats := 0
	in.Trace = func(step int) {
		if step < last {
			t.Fatalf("step %d comes after step %d", step, last)
		}
		if repeats++; step != last {
			repeats = 0
		}
		if repeats > 3*4 {
			t.Fatalf("step %d does not end", step)
		}
		last = step
	}
	r, err := in.Run(m)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), r
}

// FuzzMachine runs generated programs on the machine and on the interpreter.
func FuzzMachine(f *testing.F) {
	const seeds = 60
	for i := range uint64(seeds) {
		r := rand.New(rand.NewPCG(i, 0))
		b := make([]byte, 20+r.IntN(200))
		for j := range b {
			b[j] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := generate(b)
		text, want := interpret(t, p)
		out, got := runOnMachine(t, p)
		if out != text || got != want {
			var list bytes.Buffer
			_ = p.Print(&list)
			t.Errorf("the machine wrote %q and reports %+v\nthe interpreter wrote %q and reports %+v\n%s",
				out, got, text, want, &list)
		}
	})
}

// FuzzProgram builds programs that make no sense, of all calls that the printer
// knows and others, with arguments of every kind; none may make the assembler,
// the printer or the reader of reports panic.
func FuzzProgram(f *testing.F) {
	for i := range uint64(200) {
		r := rand.New(rand.NewPCG(i, 1))
		b := make([]byte, 10+r.IntN(300))
		for j := range b {
			b[j] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g := &generator{Program: New(), bytes: b, data: Buffer(16)}
		g.cells = []Cell{g.Cell("a"), g.Cell("b")}
		for len(g.bytes) > 0 {
			g.Label(string(b[:g.next(len(b))]))
			args := make([]Arg, g.next(8))
			for i := range args {
				args[i] = g.anyArg(2)
			}
			g.result(g.call(uintptr(g.next(256)|g.next(2)<<8|g.next(2)<<16), args...))
			if g.next(4) == 0 {
				g.Place(g.target())
			}
			if g.next(4) == 0 {
				g.Expect(g.anyArg(2), g.mask(), 0, unix.EIO)
			}
		}
		if err := g.Print(io.Discard); err != nil {
			t.Fatal(err)
		}
		for i := range g.Steps {
			_ = g.Failure(Report{Failed: i, Errno: unix.EIO}).Error()
		}
		m, err := Assemble(g.Program, map[string]int{"out": 3})
		if err != nil {
			return
		}
		if n := len(fileBytes(imageFile(g.Program, m))); n < len(m.ReadOnly)+len(m.Writable) {
			t.Errorf("an image of %d bytes", n)
		}
	})
}

// some are the next bytes, fewer than most.
func (g *generator) some(most int) []byte {
	n := g.next(most)
	return g.bytes[:min(n, len(g.bytes))]
}

// anyArg is an argument of any kind; depth bounds pointers to pointers.
func (g *generator) anyArg(depth int) Arg {
	switch g.next(9) {
	case 0:
		return Int(g.next(256) - 100)
	case 1:
		return Value(g.cells[g.next(len(g.cells))])
	case 2:
		return Address(g.cells[g.next(len(g.cells))].Ref())
	case 3:
		if g.next(20) == 1 {
			return File("nowhere")
		}
		return File("out")
	case 4:
		return g.String(string(g.some(12)))
	case 5:
		return Bytes(g.some(40))
	case 6:
		return Address(InReport(g.next(100)))
	case 7:
		return Load(g.data.At(g.next(8)))
	}
	d := &Data{Bytes: make([]byte, 24), Writable: g.next(2) == 0}
	for i := range g.next(3) {
		if to := g.anyArg(depth - 1); depth > 0 && to.kind == argAddr {
			d.Pointers = append(d.Pointers, Pointer{8 * i, to.ref})
		}
	}
	binary.NativeEndian.PutUint64(d.Bytes, uint64(g.next(256)))
	return Address(d.At(8 * g.next(3)))
}
