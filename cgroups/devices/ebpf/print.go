package ebpf

import (
	"fmt"
	"strconv"
	"strings"
)

// String is the program for people: one line for each instruction, and the comments.
func (p *Program) String() string {
	var b strings.Builder
	for at, i := range p.Instructions {
		for _, c := range p.comments[at] {
			fmt.Fprintf(&b, "\n# %s\n", c)
		}
		fmt.Fprintf(&b, "%4d  %s\n", at, i.text(func(l Label) string { return strconv.Itoa(p.labels[l]) }))
	}
	return b.String()
}

func (r Register) String() string { return "r" + strconv.Itoa(int(r)) }

func (c Condition) String() string {
	return [...]string{Equal: "==", NotEqual: "!=", Greater: ">", AnyBit: "&"}[c]
}

func (i Load) text(func(Label) string) string {
	return fmt.Sprintf("%s = u%d[context + %d]", i.Dst, 8*i.Size, i.Offset)
}

func (i Set) text(func(Label) string) string { return fmt.Sprintf("%s = %d", i.Dst, i.Value) }

func (i And) text(func(Label) string) string { return fmt.Sprintf("%s &= %d", i.Dst, i.Mask) }

func (i AndRegister) text(func(Label) string) string { return fmt.Sprintf("%s &= %s", i.Dst, i.Src) }

func (i JumpIf) text(target func(Label) string) string {
	return fmt.Sprintf("if %s %s %d go %s", i.Left, i.Condition, i.Right, target(i.To))
}

func (i JumpIfRegister) text(target func(Label) string) string {
	return fmt.Sprintf("if %s %s %s go %s", i.Left, i.Condition, i.Right, target(i.To))
}

func (i Jump) text(target func(Label) string) string { return "go " + target(i.To) }

func (Exit) text(func(Label) string) string { return "exit" }
