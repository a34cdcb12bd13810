package nsenter

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Program is a list of steps together with the data that they use. The zero
// value is not usable: see [New]. A Program is built once, by one goroutine,
// and not changed after it was assembled or printed.
type Program struct {
	Steps []Step

	cells   []cell
	targets []int // step index that each target stands before; -1 until placed
	purpose Purpose
	strings map[string]*Data
	args    []Arg  // the arguments of all steps, one after the other
	rules   []Rule // room for rules
	parked  int    // the first step of those that lie apart, 0: none
}

// Op tells the machine's two instructions apart.
type Op uint8

// The machine's instructions.
const (
	OpCall Op = iota // one system call
	OpTest           // compare memory with a constant, jump or fail
)

// Step is one instruction of a program.
type Step struct {
	Op     Op
	Invert bool // OpTest: act on equality instead of on difference
	Purpose
	Nr     uintptr // OpCall: system call number of the machine's architecture
	Args   []Arg   // OpCall: at most six; OpTest: value, mask, wanted
	Result Ref     // where a result ≥ 0 is stored; the zero Ref stores nothing
	Rules  []Rule  // the first rule for the errno wins
}

// Purpose is what a step is for. The machine does not know.
type Purpose struct {
	Kind     Kind   // what code that judges a failure goes by
	Property string // what of a configuration the step comes from, "" if it is nothing in particular: "mounts[3]"
	Label    string // for people, and for nobody else: "mounting proc on /proc"
}

// Kind tells apart what the errno and the system call do not. The kinds are those of
// whoever makes the program; 0 is none.
type Kind uint8

// Action is what a rule does.
type Action uint16

// The actions of a rule.
const (
	Continue Action = iota // go on with the next step; the result cell keeps its value
	Jump                   // go on at a target further down
	Repeat                 // make the call, or the test, again, at most so many times; then the next rule
	FailTo                 // report the failure, then go on at a target further down
	Fail                   // report the failure (OpTest: with the rule's errno) and exit
)

// AnyErrno in a rule stands for every errno.
const AnyErrno = unix.Errno(0xffff)

// Rule says what happens when a call fails with Errno, or when a test fires.
type Rule struct {
	Errno  unix.Errno
	Action Action
	Target Target // Jump and FailTo
	Count  uint32 // Repeat
}

// Target is a place in a program that jumps lead to.
type Target int

// Cell is an 8-byte variable of a program.
type Cell int

type cell struct {
	name    string
	initial uint64
}

// Data is memory that travels with the program. Constant data is mapped
// read-only, everything else is private to the process that runs the program.
type Data struct {
	Bytes    []byte
	Writable bool
	Pointers []Pointer

	addr uint64 // given by the assembler
	gen  *assembly
}

// Pointer is an address to be stored at an offset within some data, 8-byte
// little or big endian as the machine is.
type Pointer struct {
	Offset int
	To     Ref
}

// Ref is an address in the program's memory: a cell, or a place in some data,
// or in the report page.
type Ref struct {
	data   *Data
	offset int32
	cell   uint16
	kind   refKind
}

type refKind uint8

const (
	refNone refKind = iota
	refCell
	refData
	refReport
)

// Arg is an argument of a step.
type Arg struct {
	value uint64
	ref   Ref
	kind  argKind
}

type argKind uint8

const (
	argInt    argKind = iota // value
	argAddr                  // the address ref
	argLoad                  // the 8 bytes at ref
	argParked                // the size of what Park gives back
	argFile                  // the descriptor that the launcher has under the name at ref
)

// New returns an empty program. It has room for as many steps as it takes to join a
// container.
func New() *Program {
	return &Program{
		Steps:   make([]Step, 0, 128),
		cells:   make([]cell, 0, 32),
		strings: make(map[string]*Data, 32),
		args:    make([]Arg, 0, 320),
	}
}

// Grow makes room for that many steps.
func (p *Program) Grow(steps int) {
	p.Steps = slices.Grow(p.Steps, steps)
	p.args = slices.Grow(p.args, 5*steps)
}

// MapReport adds the step that maps the report page over the private one of the
// image. file names the descriptor of a file of ReportSize bytes; it should be
// the first step, because failures before it can only be seen as an exit.
func (p *Program) MapReport(file string) {
	p.call(unix.SYS_MMAP, Int(reportBase), Int(ReportSize), Int(unix.PROT_READ|unix.PROT_WRITE),
		Int(unix.MAP_SHARED|unix.MAP_FIXED), File(file), Int(0))
}

// InsertBefore adds steps before step i. A jump to step i leads to the first of
// them, so whoever comes to step i comes through them.
func (p *Program) InsertBefore(i int, steps ...Step) {
	p.Steps = slices.Insert(p.Steps, i, steps...)
	for t, to := range p.targets {
		if to > i {
			p.targets[t] = to + len(steps)
		}
	}
	if p.parked > i {
		p.parked += len(steps)
	}
}

// Park adds the step that gives back the memory of all steps before it, and of
// the constant data. What follows lies apart from them, so that a process that
// waits there holds a page or two. They come back from the image when touched.
func (p *Program) Park() {
	apart := p.Target()
	p.Goto(apart)
	p.Place(apart)
	p.parked = len(p.Steps)
	p.call(unix.SYS_MADVISE, Int(programBase), Arg{kind: argParked}, Int(unix.MADV_DONTNEED))
}

// Label begins another purpose: it sets the label of all following steps, and they
// have no kind and no property until they are given one.
func (p *Program) Label(label string) { p.purpose = Purpose{Label: label} }

// Property sets the property of the steps that follow, up to the next label.
func (p *Program) Property(property string) { p.purpose.Property = property }

// Kind sets the kind of the steps that follow, up to the next label.
func (p *Program) Kind(k Kind) { p.purpose.Kind = k }

// Cell makes a variable whose value is -1 at the start. The name is for the
// printer.
func (p *Program) Cell(name string) Cell {
	p.cells = append(p.cells, cell{name, ^uint64(0)})
	return Cell(len(p.cells) - 1)
}

// Target makes a target that is not placed yet.
func (p *Program) Target() Target {
	p.targets = append(p.targets, -1)
	return Target(len(p.targets) - 1)
}

// Place puts the target before the next step that is added.
func (p *Program) Place(t Target) { p.targets[t] = len(p.Steps) }

// call adds a system call. Its verb is for everybody else.
func (p *Program) call(nr uintptr, args ...Arg) Call {
	p.Steps = append(p.Steps, Step{Op: OpCall, Nr: nr, Purpose: p.purpose, Args: p.keep(args)})
	return Call{p, len(p.Steps) - 1}
}

// keep copies arguments to where those of all steps lie: programs are built on
// the way of every start, and one allocation is better than hundreds.
func (p *Program) keep(args []Arg) []Arg {
	n := len(p.args)
	p.args = append(p.args, args...)
	return p.args[n:len(p.args):len(p.args)]
}

// Expect adds a test: unless value & mask == want the program fails with errno.
func (p *Program) Expect(value Arg, mask, want uint64, errno unix.Errno) {
	p.test(false, value, mask, want, Rule{Errno: errno, Action: Fail})
}

// JumpUnless adds a test: unless value & mask == want the program goes on at t.
func (p *Program) JumpUnless(value Arg, mask, want uint64, t Target) {
	p.test(false, value, mask, want, Rule{Action: Jump, Target: t})
}

// JumpIf adds a test: if value & mask == want the program goes on at t.
func (p *Program) JumpIf(value Arg, mask, want uint64, t Target) {
	p.test(true, value, mask, want, Rule{Action: Jump, Target: t})
}

// Goto adds an unconditional jump forward.
func (p *Program) Goto(t Target) { p.JumpUnless(Int(0), 0, 1, t) }

// await adds a test that looks until value & mask == want, without a system call, and fails with
// errno when it has looked again so many times.
func (p *Program) await(value Arg, mask, want uint64, count uint32, errno unix.Errno) {
	p.test(false, value, mask, want, Rule{Errno: errno, Action: Repeat, Count: count}, Rule{Errno: errno, Action: Fail})
}

// test adds a test, whose rules have one errno.
func (p *Program) test(invert bool, value Arg, mask, want uint64, rules ...Rule) {
	p.Steps = append(p.Steps, Step{
		Op: OpTest, Invert: invert, Purpose: p.purpose,
		Args: p.keep([]Arg{value, {value: mask}, {value: want}}),
	})
	for _, r := range rules {
		Call{p, len(p.Steps) - 1}.rule(r)
	}
}

// Call is a system call step that was just added to a program.
type Call struct {
	p *Program
	i int
}

// Into stores the call's result in a cell.
func (c Call) Into(cell Cell) Call { return c.IntoRef(cell.Ref()) }

// IntoRef stores the call's result, 8 bytes wide, at an address.
func (c Call) IntoRef(r Ref) Call {
	c.p.Steps[c.i].Result = r
	return c
}

// Ignore lets the program go on when the call fails with one of these.
func (c Call) Ignore(errnos ...unix.Errno) Call {
	for _, e := range errnos {
		c.rule(Rule{Errno: e, Action: Continue})
	}
	return c
}

// JumpOn lets the program go on at t when the call fails with errno.
func (c Call) JumpOn(errno unix.Errno, t Target) Call {
	return c.rule(Rule{Errno: errno, Action: Jump, Target: t})
}

// RepeatOn makes the call again, at most count times, when it fails with errno.
func (c Call) RepeatOn(errno unix.Errno, count uint32) Call {
	return c.rule(Rule{Errno: errno, Action: Repeat, Count: count})
}

// FailTo reports any errno as the program's failure and goes on at t, where the
// program may collect the reason before it exits.
func (c Call) FailTo(t Target) Call {
	return c.rule(Rule{Errno: AnyErrno, Action: FailTo, Target: t})
}

func (c Call) rule(r Rule) Call {
	s := &c.p.Steps[c.i]
	if s.Rules == nil {
		s.Rules = c.p.room()
	}
	s.Rules = append(s.Rules, r)
	return c
}

// room is where a step's first rules lie, for the reason that [Program.keep] has.
func (p *Program) room() []Rule {
	const few = 4
	if len(p.rules) < few {
		p.rules = make([]Rule, 16*few)
	}
	rules := p.rules[:0:few]
	p.rules = p.rules[few:]
	return rules
}

// Int is a constant argument.
func Int[T ~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64 | ~uintptr](v T) Arg {
	return Arg{value: uint64(v)}
}

// Constant is the argument if it is the same in every process that runs the program; an
// address is not, nor a descriptor.
func (a Arg) Constant() (value uint64, ok bool) { return a.value, a.kind == argInt }

// Address is the address r as an argument.
func Address(r Ref) Arg { return Arg{kind: argAddr, ref: r} }

// Load is the 8-byte word at r as an argument. Where the system call takes an
// int, the upper half does not matter, so a descriptor received by SCM_RIGHTS
// can be loaded from where it lies.
func Load(r Ref) Arg { return Arg{kind: argLoad, ref: r} }

// Value is the value of a cell as an argument.
func Value(c Cell) Arg { return Load(c.Ref()) }

// File is the launcher's descriptor of this name as an argument. Its number
// is filled in by [Assemble].
func File(name string) Arg { return Arg{kind: argFile, ref: (&Data{Bytes: []byte(name)}).At(0)} }

// String is the address of s with a NUL behind it. Equal strings are kept once.
func (p *Program) String(s string) Arg {
	d := p.strings[s]
	if d == nil {
		d = &Data{Bytes: append([]byte(s), 0)}
		p.strings[s] = d
	}
	return Address(d.At(0))
}

// Strings is the address of a NULL-terminated array of strings, as execve takes.
func (p *Program) Strings(list []string) Arg {
	d := &Data{Bytes: make([]byte, 8*(len(list)+1)), Pointers: make([]Pointer, len(list))}
	for i, s := range list {
		d.Pointers[i] = Pointer{8 * i, p.String(s).ref}
	}
	return Address(d.At(0))
}

// Bytes is the address of constant data.
func Bytes(b []byte) Arg { return Address((&Data{Bytes: b}).At(0)) }

// Buffer returns writable memory of size bytes, all zero.
func Buffer(size int) *Data { return &Data{Bytes: make([]byte, size), Writable: true} }

// At is the address of the byte at this offset.
func (d *Data) At(offset int) Ref { return Ref{kind: refData, data: d, offset: int32(offset)} }

// Ref is the address of the cell.
func (c Cell) Ref() Ref { return Ref{kind: refCell, cell: uint16(c)} }

// InReport is an address within the report page.
func InReport(offset int) Ref { return Ref{kind: refReport, offset: int32(offset)} }
