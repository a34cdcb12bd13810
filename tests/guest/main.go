// Command guest runs rung's tests, or any command, in a machine of today: with cgroup v2
// only, with systemd, as an ordinary user.
//
//	go run ./tests/guest -form v2 -run TestX                    of tests/integration
//	go run ./tests/guest -form systemd -run TestX ./tests/faults
//	go run ./tests/guest -form rootless-subtree -- sh -c 'id; cat /proc/self/cgroup'
//	RUNG=/usr/bin/crun go run ./tests/guest -form v2            the same tests of another runtime
//
// The working directory is the repository's root; it is /rung in the guest, read-only.
// The guest is a Debian root below a tmpfs, so nothing that happens in there stays. It is
// made at the first use (see make-root: root and some minutes) and kept in the user's cache,
// named for what it was made by.
//
// Of the kernels user-mode-linux, the default, is up in two seconds and has the controllers
// cpu, io (without weights), memory and pids. "-kernel qemu" is Debian's cloud kernel with all
// controllers, but emulated: twelve seconds until it is up, and then twenty times slower.
//
// The forms are in form.go. Exit status: the command's; 124 when -limit was over, 125 when
// there is no guest.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	status, err := guest(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		if status == 0 {
			status = 125
		}
	}
	os.Exit(status)
}

type options struct {
	form   string
	run    string
	skip   string
	json   bool
	verb   bool
	short  bool
	count  int
	out    string
	kernel string
	cpus   int
	memory int
	limit  time.Duration
	make   bool
}

func parse(args []string) (o options, rest []string, command bool, err error) {
	f := flag.NewFlagSet("guest", flag.ContinueOnError)
	f.StringVar(&o.form, "form", "v2", "how rung is called: "+strings.Join(formNames(), ", "))
	f.StringVar(&o.run, "run", "", "run only the tests that match `REGEXP`")
	f.StringVar(&o.skip, "skip", "", "leave out the tests that match `REGEXP`")
	f.BoolVar(&o.json, "json", false, "print what test2json(1) makes of the tests' output")
	f.BoolVar(&o.verb, "v", false, "print each test, and the guest's console on stderr")
	f.BoolVar(&o.short, "short", false, "leave out what takes long")
	f.IntVar(&o.count, "count", 1, "run each test `N` times")
	f.StringVar(&o.out, "o", "", "a `DIR` of the host that is /out in the guest, writable")
	f.StringVar(&o.kernel, "kernel", "uml", "uml or qemu")
	f.IntVar(&o.cpus, "cpus", 1, "CPUs, for qemu only")
	f.IntVar(&o.memory, "memory", 2048, "of the guest, in `MiB`")
	f.DurationVar(&o.limit, "limit", 20*time.Minute, "how long it may take")
	f.BoolVar(&o.make, "make", false, "only see to it that there is a guest")
	if err := f.Parse(args); err != nil {
		return o, nil, false, err
	}
	before := args[:len(args)-f.NArg()]
	return o, f.Args(), len(before) > 0 && before[len(before)-1] == "--", nil
}

func guest(args []string) (status int, err error) {
	o, rest, isCommand, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0, nil
	}
	if err != nil {
		return 2, err
	}
	f, err := formOf(o.form)
	if err != nil {
		return 2, err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	dir, err := made(ctx)
	if err != nil || o.make {
		return 0, err
	}
	m := machine{dir: dir, kernel: o.kernel, cpus: o.cpus, memory: o.memory, systemd: f.systemd, out: o.out}
	if o.verb {
		m.console = os.Stderr
	}
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	if isCommand {
		return m.run(ctx, f.command("/rung", nil, rest), os.Stdout)
	}
	switch len(rest) {
	case 0:
		return runTests(ctx, &m, f, o, "./tests/integration")
	case 1:
		return runTests(ctx, &m, f, o, rest[0])
	}
	return 2, errors.New("one package at a time")
}
