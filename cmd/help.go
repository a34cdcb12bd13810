package cmd

import (
	"cmp"
	_ "embed"
	"strings"

	"github.com/urfave/cli/v2"
)

// Help is what the help and the manual page say of a command besides its usage
// and flags.
type Help struct {
	Group    string // of commands, in the list of all, which is sorted by them
	About    string // one or more paragraphs, in lines of at most 80 columns
	Examples []Example
}

// Example is a command line, and what it does.
type Example struct{ About, Line string }

// explain gives a command its help.
func explain(c *cli.Command) {
	h := HelpOf(c.Name)
	c.Category = h.Group
	c.Description = cmp.Or(c.Description, h.About)
	var b strings.Builder
	b.WriteString(commandTemplate)
	for i, e := range h.Examples {
		if i == 0 {
			b.WriteString("\nEXAMPLES:\n")
		}
		b.WriteString("   # " + e.About + "\n   " + e.Line + "\n")
	}
	c.CustomHelpTemplate = b.String()
}

const commandTemplate = `NAME:
   {{template "helpNameTemplate" .}}

USAGE:
   {{template "usageTemplate" .}}{{if .Description}}

DESCRIPTION:
   {{template "descriptionTemplate" .}}{{end}}{{if .VisibleFlags}}

OPTIONS:{{template "visibleFlagTemplate" .}}{{end}}
`

// helpTexts has a section for each command: a line "== COMMAND: GROUP", what there is to
// say about it, and each example as a comment and a command line.
//
//go:embed help.txt
var helpTexts string

// HelpOf returns the help of a command, which is empty for an unknown one.
func HelpOf(command string) (h Help) {
	_, section, _ := strings.Cut("\n"+helpTexts, "\n== "+command+": ")
	section, _, _ = strings.Cut(section, "\n\n== ")
	h.Group, section, _ = strings.Cut(section, "\n\n")
	h.About, section, _ = strings.Cut(section, "\n\n# ")
	for example := range strings.SplitSeq(strings.TrimSpace(section), "\n# ") {
		if about, line, ok := strings.Cut(example, "\n"); ok {
			h.Examples = append(h.Examples, Example{about, line})
		}
	}
	return h
}
