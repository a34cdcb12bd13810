// Package nsenter makes processes by program: the first process of a
// container runs a list of system calls that was compiled for it beforehand,
// on a machine of two instructions that knows nothing of containers.
//
// # Why a machine
//
// Between clone and execve a process is half inside of its container: it has joined
// the namespaces, and what it has open and in memory is still the host's. A runtime in
// Go cannot be there (it has threads, and most namespaces want a process without);
// one in C can, and has to decide things there that nobody can look at beforehand,
// with the launcher's memory at hand for whoever takes the process over. Here all
// decisions are made before the process exists, where they can be printed, compared and
// tried out, and what runs inside is a few KiB that can do nothing but follow them.
//
// # Programs
//
// A [Program] is a flat list of steps. A step is one system call: its number,
// up to six arguments, the [Cell] that takes its result, a [Purpose], and rules that say
// what to do on which errno. An argument is a constant, the address of data that
// travels with the program, the value of a cell, or a descriptor of the launching
// process, known by name until the program is assembled.
//
// Each system call has a verb, a method of Program that is named after it and adds the
// step: [Program.Mkdirat], [Program.MoveMount], [Program.Setns]. syscalls.go is the table
// of them, by which programs print themselves in the manner of strace ([Program.Print]).
// Rules are added to the [Call] that a verb returns:
//
//	p.Mkdirat(nsenter.Value(root), "tmp", 0o755).Ignore(unix.EEXIST)
//
// # The machine
//
// The machine executes an assembled program. Its instructions are
//
//   - call: a system call. A result from 0 up is stored in the step's cell. An
//     errno is looked up in the step's rules: go on, jump forward, repeat the
//     step (at most so many times), fail. An errno without a rule fails.
//   - test: compares a word of memory, under a mask, with a constant, and jumps
//     forward or fails if they differ (or, inverted, if they are equal); or looks
//     again, at most so many times, before it does.
//
// Jumps go forward only and repeats are bounded, so every program ends. The
// machine has no stack, no heap and no libc, and touches no memory but the
// cells that steps name and the report page. It lives in vm_amd64.s and
// vm_arm64.s; [Interpreter] does the same in Go, with the kernel as a parameter.
//
// # The image
//
// [Assemble] lays the machine's code, the program and its data out as a static
// ELF executable of a few KiB. [NewImage] puts it in a sealed memfd (or, where
// memfds must not be executed, in an unlinked file), and [Launch] clones a
// process that executes it. There is nothing else in that process: no heap of
// the launcher, no descriptor that was not named, no interpreter.
//
// A process that will wait for long parks ([Program.Park]): the steps from there on
// lie apart from the rest, whose memory is given back.
//
// # The report page
//
// While it runs, the machine writes the index of the current step to a page
// that it shares with the launcher; on a failure also the failed step and its
// errno, after which it exits. Nothing needs to be sent, so even an execve that
// fails below a seccomp filter that denies everything is reported: [ParseReport] reads
// the page, [Program.Failure] makes the error, a [StepError], and [Noted] does so for
// who has no program any more but its [Program.Notes].
//
// # Times
//
// The machine knows no clock. [Program.Time] puts a clock_gettime before each call
// of a program, which writes to another page shared with the launcher: a program
// that is not timed has nothing of it.
package nsenter
