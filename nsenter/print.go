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
			fmt.Fprintf(&b, "\n# %s\n", label)
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
	name, formats := signature(s.Nr)
	args := make([]string, len(s.Args))
	for i := range s.Args {
		format := formatHex
		if i < len(formats) {
			format = formats[i]
		}
		args[i] = p.argString(&s.Args[i], format)
	}
	text := name + "(" + strings.Join(args, ", ") + ")"
	if s.Result.kind != refNone {
		text += " = " + p.refString(s.Result)
	}
	return text
}

func (p *Program) testString(s *Step) string {
	value := p.argString(&s.Args[0], formatInt)
	mask, want, rule := s.Args[1].value, s.Args[2].value, s.Rules[0]
	if mask != ^uint64(0) {
		value += fmt.Sprintf(" & %#x", mask)
	}
	equal, differs := "==", "!="
	if s.Invert {
		equal, differs = differs, equal
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
		if a.ref.kind != refData {
			return "&" + p.refString(a.ref)
		}
		if a.ref.offset != 0 {
			return "&" + p.refString(a.ref)
		}
		if f.data == nil {
			return bytesString(p, a.ref.data)
		}
		return f.data(p, a.ref.data)
	}
	switch {
	case f.value != nil:
		return f.value(a.value)
	case f.data != nil && a.value == 0:
		return "NULL"
	}
	return strconv.FormatInt(int64(a.value), 10)
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

// format prints an argument: value if it is a number, data if it is an address.
type format struct {
	value func(uint64) string
	data  func(*Program, *Data) string
}

var (
	formatInt    = format{value: func(v uint64) string { return strconv.FormatInt(int64(v), 10) }}
	formatHex    = format{value: func(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }}
	formatOctal  = format{value: func(v uint64) string { return "0" + strconv.FormatUint(v, 8) }}
	formatFd     = format{value: fdString}
	formatString = format{data: func(_ *Program, d *Data) string { return stringOf(d) }}
	formatList   = format{data: listString}
	formatBytes  = format{data: bytesString}
	formatHow    = format{data: howString}
	formatAttr   = format{data: attrString}
	formatClone  = format{data: cloneString}
)

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

func listString(p *Program, d *Data) string {
	list := make([]string, len(d.Pointers))
	for i, to := range d.Pointers {
		list[i] = p.argString(&Arg{kind: argAddr, ref: to.To}, formatString)
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func bytesString(p *Program, d *Data) string {
	if d.Writable {
		return fmt.Sprintf("buffer[%d]", len(d.Bytes))
	}
	if len(d.Pointers) > 0 {
		list := make([]string, len(d.Pointers))
		for i, to := range d.Pointers {
			list[i] = p.argString(&Arg{kind: argAddr, ref: to.To}, format{})
		}
		return "{" + strings.Join(list, ", ") + "}"
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
	for _, c := range bytes.TrimRight(b, "\x00") {
		if c != '\n' && (c < ' ' || c > '~') {
			return false
		}
	}
	return len(bytes.TrimRight(b, "\x00")) > 0
}

func word(d *Data, i int) uint64 {
	if len(d.Bytes) < 8*(i+1) {
		return 0
	}
	return binary.NativeEndian.Uint64(d.Bytes[8*i:])
}

func howString(_ *Program, d *Data) string {
	text := openFlags(word(d, 0))
	if mode := word(d, 1); mode != 0 {
		text += ", 0" + strconv.FormatUint(mode, 8)
	}
	return "{" + text + ", " + resolveFlags(word(d, 2)) + "}"
}

func attrString(_ *Program, d *Data) string {
	var parts []string
	if set := word(d, 0); set != 0 {
		parts = append(parts, "set="+mountAttrs(set))
	}
	if clr := word(d, 1); clr != 0 {
		parts = append(parts, "clear="+mountAttrs(clr))
	}
	if propagation := word(d, 2); propagation != 0 {
		parts = append(parts, "propagation="+mountFlags(propagation))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func cloneString(_ *Program, d *Data) string {
	return "{flags=" + cloneFlags(word(d, 0)) + "}"
}

// flagName is the name of a flag, or of a value under a mask.
type flagName struct {
	value uint64
	name  string
}

// flagSet returns a function that spells a set of flags.
func flagSet(names ...flagName) func(uint64) string {
	return func(v uint64) string {
		var parts []string
		for _, n := range names {
			if n.value != 0 && v&n.value == n.value {
				parts = append(parts, n.name)
				v &^= n.value
			}
		}
		if v != 0 || len(parts) == 0 {
			parts = append(parts, "0x"+strconv.FormatUint(v, 16))
		}
		if len(parts) == 1 && parts[0] == "0x0" {
			return "0"
		}
		return strings.Join(parts, "|")
	}
}

// oneOf returns a function that spells one of several values.
func oneOf(names ...flagName) func(uint64) string {
	return func(v uint64) string {
		for _, n := range names {
			if v == n.value {
				return n.name
			}
		}
		return strconv.FormatInt(int64(v), 10)
	}
}
