package nsenter

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Print writes the program for people, in the manner of strace: the labels as
// headings, one line for each step. A name that starts with $ is a cell.
func (p *Program) Print(w io.Writer) error {
	var b bytes.Buffer
	label := ""
	for i := range p.Steps {
		if s := &p.Steps[i]; s.Label != label {
			label = s.Label
			quoted := strconv.Quote(label) // names in it are the configuration's and the image's
			fmt.Fprintf(&b, "\n# %s\n", strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`))
		}
		fmt.Fprintf(&b, "%4d  %s\n", i, p.StepString(i))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// StepString is one step as a line: the call, its result, its rules.
func (p *Program) StepString(i int) string {
	s := &p.Steps[i]
	var b strings.Builder
	if s.Op == OpTest {
		return p.testString(s)
	}
	b.WriteString(p.callString(s))
	for j, r := range s.Rules {
		b.WriteString([]string{"  ; ", ", "}[min(j, 1)])
		b.WriteString(p.ruleString(r))
	}
	return b.String()
}

func (p *Program) callString(s *Step) string {
	call := describe(s.Nr)
	args := make([]string, len(s.Args))
	for i := range s.Args {
		f := hex
		if i < len(call.args) {
			f = call.args[i]
		}
		args[i] = p.argString(&s.Args[i], f)
	}
	text := call.name + "(" + strings.Join(args, ", ") + ")"
	if s.Result.kind != refNone {
		text += " = " + p.refString(s.Result)
	}
	return text
}

func (p *Program) testString(s *Step) string {
	value := p.argString(&s.Args[0], num)
	mask, want, rule := s.Args[1].value, s.Args[2].value, s.Rules[0]
	if mask != ^uint64(0) {
		value += fmt.Sprintf(" & %#x", mask)
	}
	equal, differs := "==", "!="
	if s.Invert {
		equal, differs = differs, equal
	}
	if rule.Action == Repeat {
		return fmt.Sprintf("look %d times until %s %s %#x, else fail with %s", rule.Count, value, equal, want,
			errnoName(rule.Errno))
	}
	if rule.Action != Jump {
		return fmt.Sprintf("expect %s %s %#x, else fail with %s", value, equal, want, errnoName(rule.Errno))
	}
	if mask == 0 && want != 0 && !s.Invert {
		return "go " + p.targetString(rule.Target)
	}
	return fmt.Sprintf("if %s %s %#x go %s", value, differs, want, p.targetString(rule.Target))
}

func (p *Program) ruleString(r Rule) string {
	on := errnoName(r.Errno) + ": "
	switch r.Action {
	case Continue:
		return on + "go on"
	case Jump:
		return on + p.targetString(r.Target)
	case Repeat:
		return on + fmt.Sprintf("again, %d times", r.Count)
	case FailTo:
		return on + "fail, " + p.targetString(r.Target)
	}
	return on + "fail"
}

func (p *Program) targetString(t Target) string {
	if p.targets[t] < 0 {
		return "to an unplaced target"
	}
	return "to " + strconv.Itoa(p.targets[t])
}

func errnoName(e unix.Errno) string {
	if e == AnyErrno {
		return "any error"
	}
	if name := unix.ErrnoName(e); name != "" {
		return name
	}
	return "errno " + strconv.Itoa(int(e))
}

func (p *Program) argString(a *Arg, f format) string {
	switch a.kind {
	case argFile:
		return "<" + string(a.ref.data.Bytes) + ">"
	case argLoad:
		return p.refString(a.ref)
	case argParked:
		return "all before this"
	case argAddr:
		if a.ref.kind != refData || a.ref.offset != 0 {
			return "&" + p.refString(a.ref)
		}
		return f.data(p, a.ref.data)
	}
	return f.value(a.value)
}

func (p *Program) refString(r Ref) string {
	switch r.kind {
	case refCell:
		return "$" + p.cells[r.cell].name
	case refReport:
		return fmt.Sprintf("report+%d", r.offset)
	case refData:
		return fmt.Sprintf("buffer[%d]+%d", len(r.data.Bytes), r.offset)
	}
	return "nothing"
}

// format is how an argument is printed: some are about numbers, some about what
// an address leads to, and each can do with the other.
type format uint8

type formats [6]format

const (
	hex format = iota
	num
	octal
	fd
	str
	path // a string, and what the call is about
	mem
	hexMem // one or the other, as prctl has it
	list
	openHow
	mountAttr
	cloneArgs
	// and the names of flags: see flagNames
	openFlags
	resolveFlags
	mountAttrs
	mountFlags
	moveFlags
	treeFlags
	atFlags
	cloneFlags
	closeRangeFlags
	fsmountFlags
	fsopenFlags
	umountFlags
	fsconfigCommand
	prctlOption
)

// value prints a number.
func (f format) value(v uint64) string {
	switch f {
	case hex, hexMem:
		return "0x" + strconv.FormatUint(v, 16)
	case octal:
		return "0" + strconv.FormatUint(v, 8)
	case fd:
		return fdString(v)
	case fsconfigCommand, prctlOption:
		return f.choose(v)
	case num:
	case str, path, mem, list, openHow, mountAttr, cloneArgs:
		if v == 0 {
			return "NULL"
		}
	default:
		return f.spell(v)
	}
	return strconv.FormatInt(int64(v), 10)
}

// data prints what an address leads to.
func (f format) data(p *Program, d *Data) string {
	switch f {
	case str, path:
		return stringOf(d)
	case list:
		return "[" + pointersString(p, d, str) + "]"
	case openHow:
		return howString(d)
	case mountAttr:
		return attrString(d)
	case cloneArgs:
		return "{flags=" + cloneFlags.spell(word(d, 0)) + "}"
	}
	return bytesString(p, d)
}

func fdString(v uint64) string {
	if int32(v) == unix.AT_FDCWD {
		return "AT_FDCWD"
	}
	return strconv.Itoa(int(int32(v)))
}

func stringOf(d *Data) string {
	s, _, _ := bytes.Cut(d.Bytes, []byte{0})
	return strconv.Quote(string(s))
}

// pointersString prints what the pointers of some data point to.
func pointersString(p *Program, d *Data, f format) string {
	list := make([]string, len(d.Pointers))
	for i, to := range d.Pointers {
		list[i] = p.argString(&Arg{kind: argAddr, ref: to.To}, f)
	}
	return strings.Join(list, ", ")
}

func bytesString(p *Program, d *Data) string {
	if d.Writable {
		return fmt.Sprintf("buffer[%d]", len(d.Bytes))
	}
	if len(d.Pointers) > 0 {
		return "{" + pointersString(p, d, mem) + "}"
	}
	const most = 24
	b := d.Bytes
	if printable(b) {
		return strconv.Quote(string(bytes.TrimRight(b, "\x00")))
	}
	if len(b) > most {
		return fmt.Sprintf("<%d bytes>", len(b))
	}
	return fmt.Sprintf("<% x>", b)
}

func printable(b []byte) bool {
	b = bytes.TrimRight(b, "\x00")
	return len(b) > 0 && !bytes.ContainsFunc(b, func(c rune) bool { return c != '\n' && (c < ' ' || c > '~') })
}

func word(d *Data, i int) uint64 {
	if len(d.Bytes) < 8*(i+1) {
		return 0
	}
	return binary.NativeEndian.Uint64(d.Bytes[8*i:])
}

func howString(d *Data) string {
	text := openFlags.spell(word(d, 0))
	if mode := word(d, 1); mode != 0 {
		text += ", 0" + strconv.FormatUint(mode, 8)
	}
	return "{" + text + ", " + resolveFlags.spell(word(d, 2)) + "}"
}

func attrString(d *Data) string {
	var parts []string
	if set := word(d, 0); set != 0 {
		parts = append(parts, "set="+mountAttrs.spell(set))
	}
	if clr := word(d, 1); clr != 0 {
		parts = append(parts, "clear="+mountAttrs.spell(clr))
	}
	if propagation := word(d, 2); propagation != 0 {
		parts = append(parts, "propagation="+mountFlags.spell(propagation))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
