package main

import (
	"fmt"
	"strings"
)

const header = "# Written by contrib/gen from rung's command line; do not edit.\n"

// bash returns the completion for bash, which needs nothing besides it.
func bash(p program) string {
	var b strings.Builder
	b.WriteString("# bash completion for rung                               -*- shell-script -*-\n" + header + `
# _rung_flags COMMAND: its flags, of no command the global ones.
_rung_flags() {
	case $1 in
`)
	list := func(command string, flags []flag) {
		var all []string
		for _, f := range flags {
			all = append(all, f.spelled()...)
		}
		fmt.Fprintf(&b, "	'%s') echo '%s' ;;\n", command, strings.Join(all, " "))
	}
	list("", p.flags)
	for _, c := range p.commands {
		list(c.name, c.flags)
	}
	b.WriteString(`	esac
}

# _rung_kind COMMAND:FLAG, with one dash, or COMMAND:INDEX of an argument: what
# the value is; nothing of a flag without one.
_rung_kind() {
	case $1 in
`)
	values := func(command string, flags []flag) {
		for _, f := range flags {
			k, words := f.completion()
			var names []string
			for _, n := range f.names {
				names = append(names, command+":-"+n)
			}
			bashKind(&b, strings.Join(names, "|"), k, words)
		}
	}
	values("", p.flags)
	for _, c := range p.commands {
		values(c.name, c.flags)
		for i := range strings.Fields(c.args) {
			k, words := c.argument(i)
			bashKind(&b, fmt.Sprintf("%s:%d", c.name, i), k, words)
		}
	}
	var names []string
	for _, c := range p.commands {
		names = append(names, c.name)
	}
	fmt.Fprintf(&b, bashRest, strings.Join(names, " "))
	return b.String()
}

func bashKind(b *strings.Builder, pattern string, k kind, words []string) {
	if k != kindNothing {
		fmt.Fprintf(b, "	%s) echo '%s' ;;\n", pattern, strings.TrimSpace(string(k)+" "+strings.Join(words, " ")))
	}
}

const bashRest = `	esac
}

_rung() {
	local cur=${COMP_WORDS[COMP_CWORD]} command='' kind='' word i n=0 commands='%s'
	local -a root=()
	COMPREPLY=()

	# What stands before the cursor: a command, its arguments' number, and in
	# kind the value that is expected now. Bash may cut --flag=value at the "=".
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		=) ;;
		-*=*)
			[[ $command || $word != -*root=* ]] || root=(--root "${word#*=}")
			;;
		-?*)
			kind=$(_rung_kind "$command:${word/#--/-}")
			[[ $kind ]] || continue
			[[ ${COMP_WORDS[i + 1]} != = ]] || ((i + 1 >= COMP_CWORD)) || ((i++))
			((i++))
			if ((i < COMP_CWORD)); then
				[[ $command || $word != -*root ]] || root=(--root "${COMP_WORDS[i]}")
				kind=''
			fi
			;;
		*)
			if [[ ! $command ]]; then
				command=$word
			else
				((n++))
			fi
			;;
		esac
	done
	[[ $cur != = || ! $kind ]] || cur=''

	if [[ ! $kind && $cur == -*=* ]]; then
		word=${cur%%%%=*}
		kind=$(_rung_kind "$command:${word/#--/-}")
		cur=${cur#*=}
	elif [[ ! $kind && $cur == -* ]]; then
		case $command in
		exec | ps) ((n == 0)) || return 0 ;; # another program's
		esac
		mapfile -t COMPREPLY < <(compgen -W "$(_rung_flags "$command")" -- "$cur")
		return 0
	elif [[ ! $kind && ! $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands help" -- "$cur")
		return 0
	elif [[ ! $kind && $command == help ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
		return 0
	elif [[ ! $kind ]]; then
		kind=$(_rung_kind "$command:$n")
	fi

	case $kind in
	dir)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		;;
	file)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	words\ *)
		mapfile -t COMPREPLY < <(compgen -W "${kind#words }" -- "$cur")
		;;
	ids)
		mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "${root[@]}" list -q 2>/dev/null)" -- "$cur")
		;;
	esac
}

complete -F _rung rung
`
