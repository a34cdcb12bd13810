package main

import (
	"fmt"
	"strings"
)

// fish returns the completion for fish.
func fish(p program) string {
	var b strings.Builder
	b.WriteString("# fish completion for rung\n" + header)
	var global []string
	for _, f := range p.flags {
		if f.value != "" {
			global = append(global, f.spelled()...)
		}
	}
	fmt.Fprintf(&b, fishFunctions, strings.Join(global, " "))
	b.WriteString("complete -c rung -f\n\n")
	for _, f := range p.flags {
		fishFlag(&b, `test -z "$(__rung_command)"`, f)
	}
	for _, c := range p.commands {
		fmt.Fprintf(&b, "complete -c rung -n 'contains -- \"$(__rung_command)\" \"\" help' -a %s -d %s\n", c.name,
			fishQuote(c.usage))
	}
	fmt.Fprintf(&b,
		"complete -c rung -n 'test -z \"$(__rung_command)\"' -a help -d 'show help for all commands or one'\n")
	for _, c := range p.commands {
		when := "test \"$(__rung_command)\" = " + c.name
		b.WriteString("\n")
		for _, f := range c.flags {
			fishFlag(&b, when, f)
		}
		for i := range strings.Fields(c.args) {
			if k, words := c.argument(i); k != kindNothing {
				fmt.Fprintf(&b, "complete -c rung -n %s -a %s\n", quote(when), fishAction(k, words))
			}
		}
	}
	return b.String()
}

// fishFunctions needs the global flags that take a value.
const fishFunctions = `
# The command on the line, if there is one yet.
function __rung_command
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word %s
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
            return
        end
    end
end

# The IDs of the containers below the line's --root.
function __rung_containers
    set -l words (commandline -opc)
    set -l root
    for i in (seq 2 (count $words))
        switch $words[$i]
            case --root -root
                set root --root $words[(math $i + 1)]
            case '--root=*' '-root=*'
                set root $words[$i]
        end
    end
    $words[1] $root list -q 2>/dev/null
end

`

func fishFlag(b *strings.Builder, when string, f flag) {
	fmt.Fprintf(b, "complete -c rung -n %s", quote(when))
	for _, n := range f.names {
		if len(n) == 1 {
			b.WriteString(" -s " + n)
		} else {
			b.WriteString(" -l " + n)
		}
	}
	switch k, words := f.completion(); k {
	case kindNothing:
	case kindFile:
		b.WriteString(" -r -F")
	case kindAny:
		b.WriteString(" -x")
	default:
		b.WriteString(" -x -a " + fishAction(k, words))
	}
	b.WriteString(" -d " + fishQuote(f.describe()) + "\n")
}

func fishAction(k kind, words []string) string {
	switch k {
	case kindDir:
		return "'(__fish_complete_directories)'"
	case kindFile:
		return "'(__fish_complete_path)'"
	case kindIDs:
		return "'(__rung_containers)'"
	}
	return fishQuote(strings.Join(words, " "))
}

func fishQuote(s string) string { return "'" + escape(s, `'\`) + "'" }
