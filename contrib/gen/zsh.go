package main

import (
	"fmt"
	"strings"
)

// zsh returns the completion for zsh, a file for a directory of $fpath.
func zsh(p program) string {
	var b strings.Builder
	b.WriteString("#compdef rung\n" + header + `
_rung_containers() {
	local -a ids
	ids=(${(f)"$(_call_program containers rung $_rung_root list -q 2>/dev/null)"})
	compadd -a ids
}

_rung() {
	local curcontext="$curcontext" state line
	local -a commands _rung_root
	typeset -A opt_args
	commands=(
`)
	for _, c := range p.commands {
		fmt.Fprintf(&b, "\t\t%s\n", quote(c.name+":"+strings.ReplaceAll(c.usage, ":", `\:`)))
	}
	b.WriteString("\t\t'help:show help for all commands or one'\n\t)\n\t_arguments -C \\\n")
	zshFlags(&b, "\t\t", p.flags)
	b.WriteString(`		'1:command:->command' \
		'*::argument:->argument'
	case $state in
	command)
		_describe -t commands command commands
		;;
	argument)
		[[ -n ${opt_args[--root]} ]] && _rung_root=(--root ${opt_args[--root]})
		case $words[1] in
		help)
			_describe -t commands command commands
			;;
`)
	for _, c := range p.commands {
		fmt.Fprintf(&b, "\t\t%s)\n\t\t\t_arguments \\\n", c.name)
		zshFlags(&b, "\t\t\t\t", c.flags)
		names := strings.Fields(c.args)
		for i, name := range names {
			if strings.HasSuffix(strings.Trim(name, "[]"), "...") {
				fmt.Fprintf(&b, "\t\t\t\t'*::argument:_default' \\\n")
				break
			}
			k, words := c.argument(i)
			fmt.Fprintf(&b, "\t\t\t\t%s \\\n", quote(fmt.Sprintf("%d:%s:%s", i+1, strings.Trim(name, "[]"),
				zshAction(k, words))))
		}
		s := strings.TrimSuffix(b.String(), " \\\n")
		b.Reset()
		b.WriteString(s + "\n\t\t\t;;\n")
	}
	b.WriteString(`		esac
		;;
	esac
}

_rung "$@"
`)
	return b.String()
}

func zshFlags(b *strings.Builder, indent string, flags []flag) {
	for _, f := range flags {
		k, words := f.completion()
		text := "[" + escape(f.describe(), `[]:\`) + "]"
		for _, name := range f.spelled() {
			spec := "*" + name + text
			if k != kindNothing {
				if strings.HasPrefix(name, "--") {
					spec = "*" + name + "=" + text
				}
				spec += ":" + f.value + ":" + zshAction(k, words)
			}
			fmt.Fprintf(b, "%s%s \\\n", indent, quote(spec))
		}
	}
}

func zshAction(k kind, words []string) string {
	switch k {
	case kindDir:
		return "_files -/"
	case kindFile:
		return "_files"
	case kindWords:
		return "(" + strings.Join(words, " ") + ")"
	case kindIDs:
		return "_rung_containers"
	}
	return " "
}

// quote quotes for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// escape puts a backslash before each of some characters.
func escape(s, chars string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(chars, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
