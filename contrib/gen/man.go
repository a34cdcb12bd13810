package main

import (
	"fmt"
	"slices"
	"strings"
)

// commandPage returns the manual page of a command, in the macros of man(7).
func commandPage(p program, c command) string {
	var b strings.Builder
	name := p.name + "-" + c.name
	pageHead(&b, name, c.usage)
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n[global options]\n.B %s\n[options]", p.name, roff(c.name))
	if c.args != "" {
		b.WriteString("\n.I " + roff(c.args))
	}
	b.WriteString("\n.SH DESCRIPTION\n")
	paragraphs(&b, c.about)
	b.WriteString(".SH OPTIONS\n")
	flagList(&b, c.flags)
	if len(c.examples) > 0 {
		b.WriteString(".SH EXAMPLES\n")
	}
	for _, e := range c.examples {
		fmt.Fprintf(&b, ".TP\n%s\n.EX\n%s\n.EE\n", roff(strings.ToUpper(e.About[:1])+e.About[1:]+":"), literal(e.Line))
	}
	fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (8)\n", p.name)
	return b.String()
}

// programPage returns the manual page of the program.
func programPage(p program) string {
	var b strings.Builder
	pageHead(&b, p.name, p.usage)
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n[global options]\n.I command\n[options] [arguments]\n", p.name)
	b.WriteString(".SH DESCRIPTION\n")
	paragraphs(&b, programAbout)
	b.WriteString(".SH COMMANDS\n")
	var groups []string
	for _, c := range p.commands {
		if !slices.Contains(groups, c.group) {
			groups = append(groups, c.group)
		}
	}
	slices.Sort(groups)
	for _, g := range groups {
		b.WriteString(".SS " + roff(g) + "\n")
		for _, c := range p.commands {
			if c.group == g {
				fmt.Fprintf(&b, ".TP\n.BR %s (8)\n%s\n", roff(p.name+"-"+c.name), roff(c.usage))
			}
		}
	}
	b.WriteString(".SH GLOBAL OPTIONS\n")
	flagList(&b, p.flags)
	b.WriteString(programRest)
	var also []string
	for _, c := range p.commands {
		also = append(also, fmt.Sprintf(".BR %s (8)", roff(p.name+"-"+c.name)))
	}
	b.WriteString(".SH SEE ALSO\n" + strings.Join(also, ",\n") + "\n")
	return b.String()
}

const programAbout = `The lowest rung of the container stack: the program that containerd, podman,
CRI-O and Docker call to turn a bundle, which is a directory with a config.json and
a root filesystem, into a running container. It implements the OCI runtime
specification, with the command line of runc and crun. Called by the name runc or
crun, it says so in the first line of --version.

Flags are taken with one dash or two, as --flag=value or --flag value; of a repeated
one the last counts, and flags may stand behind a command's arguments. A flag without
a value is turned off with --flag=false.`

const programRest = `.SH EXIT STATUS
.TP
0
Success.
.TP
1
An error, which is on standard error and in the log.
.TP
255
.B exec
could not start the process.
.PP
In the foreground,
.B run
and
.B exec
exit as the process did, with 128 + N if signal N ended it.
.SH ENVIRONMENT
.TP
.B XDG_RUNTIME_DIR
For users other than root, the state is in its directory
.IR rung .
.TP
.B LISTEN_FDS
So many descriptors from 3 on are passed to the container's process, as
.BR sd_listen_fds (3)
describes, if
.B LISTEN_PID
is the pid of rung.
.TP
.B NOTIFY_SOCKET
The container's process may send
.B READY=1
to a socket of its own, which is passed on; see
.BR sd_notify (3).
.B start
and
.B run \-\-detach
wait for that.
.SH FILES
.TP
.I /run/rung
The state of root's containers.
.TP
.I config.json
What a container is made of; see the OCI runtime specification.
`

func pageHead(b *strings.Builder, name, usage string) {
	fmt.Fprintf(b, ".\\\" Written by contrib/gen from rung's command line; do not edit.\n")
	fmt.Fprintf(b, ".TH %s 8 \"\" rung \"rung manual\"\n.SH NAME\n%s \\- %s\n", strings.ToUpper(roff(name)), roff(name),
		roff(usage))
}

func flagList(b *strings.Builder, flags []flag) {
	for _, f := range flags {
		var names []string
		for _, s := range f.spelled() {
			s = `\fB` + roff(s) + `\fR`
			if f.value != "" {
				s += ` \fI` + roff(f.value) + `\fR`
			}
			names = append(names, s)
		}
		text := f.describe()
		fmt.Fprintf(b, ".TP\n%s\n%s\n", strings.Join(names, ", "), roff(strings.ToUpper(text[:1])+text[1:]+"."))
	}
}

// paragraphs writes text whose paragraphs are separated by empty lines.
func paragraphs(b *strings.Builder, text string) {
	for i, p := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		for line := range strings.SplitSeq(p, "\n") {
			b.WriteString(roff(line) + "\n")
		}
	}
}

// roff escapes a line of text.
func roff(line string) string {
	line = strings.ReplaceAll(line, `\`, `\e`)
	line = strings.ReplaceAll(line, "-", `\-`)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		line = `\&` + line
	}
	return line
}

// literal escapes a line that is to be copied: with the characters of ASCII.
func literal(line string) string {
	return strings.NewReplacer("'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(roff(line))
}
