package launch

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/nsenter"
)

// program makes a program that reports.
func program(steps func(p *nsenter.Program)) *nsenter.Program {
	p := nsenter.New()
	p.Label("beginning")
	p.MapReport(birth.FileReport)
	p.Label("working")
	steps(p)
	p.ExitGroup(0)
	return p
}

func process(t *testing.T, steps func(p *nsenter.Program)) *Process {
	p := &Process{Name: "the process", Program: program(steps), ImageDirs: ImageDirs(t.TempDir())}
	t.Cleanup(p.Close)
	return p
}

func started(t *testing.T, steps func(p *nsenter.Program)) *Process {
	t.Helper()
	p := process(t, steps)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	return p
}

// say sends a tag, with the report page as often as there are descriptors, and waits for the
// answer.
func say(p *nsenter.Program, tag byte, descriptors int) {
	if descriptors == 0 {
		p.Write(nsenter.File(birth.FileSync), string(rune(tag)))
	} else {
		page := p.Cell("page")
		p.Fcntl(nsenter.File(birth.FileReport), unix.F_DUPFD_CLOEXEC, 0).Into(page)
		fds := make([]nsenter.Cell, descriptors)
		for i := range fds {
			fds[i] = page
		}
		p.SendFds(nsenter.File(birth.FileSync), tag, fds...)
	}
	answered(p)
}

func answered(p *nsenter.Program) {
	n := p.Cell("answer")
	p.Read(nsenter.File(birth.FileSync), nsenter.Buffer(8).At(0), 1).Into(n)
	p.Expect(nsenter.Value(n), ^uint64(0), 1, unix.ECANCELED)
}

// call adds a system call that no program makes otherwise.
func call(p *nsenter.Program, nr uintptr, result nsenter.Ref, args ...nsenter.Arg) {
	p.Steps = append(p.Steps, nsenter.Step{Nr: nr, Purpose: nsenter.Purpose{Label: "working"}, Args: args,
		Result: result})
}

func sleep(p *nsenter.Program) {
	minute := nsenter.Bytes([]byte{0: 60, 15: 0}) // struct timespec
	call(p, unix.SYS_NANOSLEEP, nsenter.Ref{}, minute, nsenter.Int(0))
}

// clone has a process of its own go on, and gives the launched one some time before that.
func clone(p *nsenter.Program) {
	child, born := p.Cell("child"), p.Target()
	p.Clone(unix.CLONE_PARENT, nsenter.ReportChild()).Into(child)
	p.JumpIf(nsenter.Value(child), ^uint64(0), 0, born)
	p.ExitGroup(0)
	p.Place(born)
}

func execute(p *nsenter.Program) {
	p.Getpid().MarkReached()
	p.Execve("/bin/true", p.Strings([]string{"true"}), p.Strings(nil))
}

func gone(t *testing.T, pid int) {
	t.Helper()
	if err := unix.Kill(pid, 0); err != unix.ESRCH {
		t.Errorf("process %d is there: %v", pid, err)
	}
}

// answers counts what it is asked for.
func answers(asked *string) map[byte]func([]kernel.Fd) error {
	serve := map[byte]func([]kernel.Fd) error{}
	for _, m := range birth.Messages() {
		serve[m.Tag] = func(fds []kernel.Fd) error {
			*asked += string(rune(m.Tag)) + strings.Repeat("+", len(fds))
			return nil
		}
	}
	return serve
}

func TestConversation(t *testing.T) {
	asked := ""
	p := started(t, func(p *nsenter.Program) {
		say(p, birth.TagMaps, 0)
		say(p, birth.TagCopyUp, 2)
		say(p, birth.TagTerminal, 1)
		say(p, birth.TagReady, 0)
		say(p, birth.TagHooks, 0)
		execute(p)
	})
	p.Serve = answers(&asked)
	if err := p.Converse(birth.TagReady); err != nil || asked != "mc++t+" {
		t.Fatalf("asked for %q, %v", asked, err)
	}
	if err := p.Answer(); err != nil {
		t.Fatal(err)
	}
	if err := p.Execute(); err != nil || asked != "mc++t+h" {
		t.Fatalf("asked for %q, %v", asked, err)
	}
	if p.Socket() >= 0 || p.Report.Ok() {
		t.Error("the conversation is open")
	}
	if status := p.Wait(); status != 0 || p.Pid != 0 || p.Pidfd.Ok() {
		t.Errorf("status %v, %+v", status, p)
	}
}

// What the table does not have is refused, and so is what nobody serves.
func TestUnknownMessages(t *testing.T) {
	for _, c := range []struct {
		tag         byte
		descriptors int
		want        string
	}{
		{'?', 0, `the process sent '?' with 0 descriptors`},
		{birth.TagTerminal, 0, `the process sent 't' with 0 descriptors`},
		{birth.TagTerminal, 2, `the process sent 't' with 2 descriptors`},
		{birth.TagMaps, 1, `the process sent 'm' with 1 descriptors`},
		{birth.TagMaps, birth.MostDescriptors + 1, kernel.ErrTruncated.Error()},
		{birth.TagGate, 0, `the process sent 'g' with 0 descriptors`},
	} {
		asked := ""
		p := started(t, func(p *nsenter.Program) { say(p, c.tag, c.descriptors) })
		p.Serve = answers(&asked)
		delete(p.Serve, birth.TagGate)
		if err := p.Converse(End); err == nil || !strings.Contains(err.Error(), c.want) || asked != "" {
			t.Errorf("%q with %d descriptors: %v, asked for %q", c.tag, c.descriptors, err, asked)
		}
	}
}

// A process may end anywhere: its report says why, or the way in which it ended.
func TestEnds(t *testing.T) {
	fails := func(p *nsenter.Program) { p.Expect(nsenter.Int(0), ^uint64(0), 1, unix.EXDEV) }
	kills := func(p *nsenter.Program) {
		pid := p.Cell("pid")
		call(p, unix.SYS_GETPID, pid.Ref())
		call(p, unix.SYS_KILL, nsenter.Ref{}, nsenter.Value(pid), nsenter.Int(unix.SIGKILL))
		sleep(p)
	}
	for name, c := range map[string]struct {
		steps func(p *nsenter.Program)
		want  string
	}{
		"failed": {fails, "working: test: invalid cross-device link"},
		"killed": {kills, "working: the process was ended by killed"},
		"left":   {func(*nsenter.Program) {}, "working: the process ended with status 0"},
		"failed as a clone": {func(p *nsenter.Program) { clone(p); fails(p) },
			"working: test: invalid cross-device link"},
		"killed as a clone": {func(p *nsenter.Program) { clone(p); kills(p) },
			"working: the process was ended by killed"},
		"failed to execute": {func(p *nsenter.Program) { p.Getpid().MarkReached(); fails(p) },
			"working: test: invalid cross-device link"},
		"failed after a tag": {func(p *nsenter.Program) { say(p, birth.TagMaps, 0); fails(p) },
			"working: test: invalid cross-device link"},
	} {
		for what, follow := range map[string]func(p *Process) error{
			"Converse": func(p *Process) error { return p.Converse(birth.TagGate) },
			"Execute":  (*Process).Execute,
		} {
			asked := ""
			p := started(t, c.steps)
			p.Serve = answers(&asked)
			launched := p.Pid
			if err := follow(p); err == nil || err.Error() != c.want {
				t.Errorf("%s, %s: %v, want %s", name, what, err, c.want)
			}
			p.Kill()
			gone(t, launched)
		}
	}
}

func TestRun(t *testing.T) {
	if err := process(t, func(*nsenter.Program) {}).Run(); err != nil {
		t.Error(err)
	}
	err := process(t, func(p *nsenter.Program) { p.ExitGroup(3) }).Run()
	if end := (*EndError)(nil); !errors.As(err, &end) || end.Status.ExitStatus() != 3 {
		t.Errorf("%v", err)
	}
	err = process(t, func(p *nsenter.Program) { p.Chdir("/missing") }).Run()
	if step := (*nsenter.StepError)(nil); !errors.As(err, &step) || step.Errno != unix.ENOENT {
		t.Errorf("%v", err)
	}
}

// An error of what the program asked for is returned, and the program goes no further.
func TestServeFails(t *testing.T) {
	failed := errors.New("failed")
	p := started(t, func(p *nsenter.Program) { clone(p); say(p, birth.TagMaps, 0); execute(p) })
	p.Serve = map[byte]func([]kernel.Fd) error{birth.TagMaps: func([]kernel.Fd) error { return failed }}
	launched := p.Pid
	if err := p.Execute(); err != failed || p.Pid != 0 {
		t.Errorf("%v, process %d", err, p.Pid)
	}
	gone(t, launched)
	gone(t, p.report().Child)
}

// If who asked has failed meanwhile, that is the error.
func TestServeFailsBecauseOfTheProgram(t *testing.T) {
	p := started(t, func(p *nsenter.Program) {
		p.Write(nsenter.File(birth.FileSync), string(birth.TagMaps))
		p.Expect(nsenter.Int(0), ^uint64(0), 1, unix.EXDEV)
	})
	p.Serve = map[byte]func([]kernel.Fd) error{birth.TagMaps: func([]kernel.Fd) error {
		_, err := kernel.Poll([]unix.PollFd{kernel.Readable(p.Pidfd.Int())}, time.Minute)
		return errors.Join(err, errors.New("process not found"))
	}}
	if err := p.Execute(); !errors.Is(err, unix.EXDEV) {
		t.Error(err)
	}
}

// The process that goes on is known before anything is done for it.
func TestFound(t *testing.T) {
	p := process(t, func(p *nsenter.Program) { clone(p); say(p, birth.TagMaps, 0); execute(p) })
	found, served := 0, 0
	p.Found = func() error { found = p.Pid; return nil }
	p.Serve = map[byte]func([]kernel.Fd) error{birth.TagMaps: func([]kernel.Fd) error { served = p.Pid; return nil }}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	launched := p.Pid
	if err := p.Execute(); err != nil || found == 0 || found == launched || served != found || p.Pid != found {
		t.Errorf("%v: launched %d, found %d, served %d, at last %d", err, launched, found, served, p.Pid)
	}
	gone(t, launched)
	if status := p.Wait(); status != 0 {
		t.Errorf("%v", status)
	}
}

// A report that names another process than the cloned one is not believed: not a process
// that is none of this one's, here itself, nor the launched one. It may have been written
// by a process of the container.
func TestReportsAnother(t *testing.T) {
	for _, another := range []uintptr{unix.SYS_GETPPID, unix.SYS_GETPID} {
		lie := func(p *nsenter.Program) {
			p.Getpid().MarkReached()
			call(p, another, nsenter.ReportChild())
			p.Write(nsenter.File(birth.FileSync), string(birth.TagReady))
			p.ExitGroup(0)
			clone(p) // never
		}
		asked := ""
		p := started(t, lie)
		p.Serve = answers(&asked)
		if err := p.Execute(); err == nil || !strings.Contains(err.Error(), "has not cloned") {
			t.Errorf("system call %d: process %d, %v", another, p.Pid, err)
		}
		p = started(t, lie)
		launched := p.Pid
		p.Found = func() error { t.Errorf("found process %d", p.Pid); return nil }
		if err := p.Converse(birth.TagReady); err == nil || !strings.Contains(err.Error(), "has not cloned") ||
			p.Pid != launched {
			t.Errorf("system call %d: process %d, %v", another, p.Pid, err)
		}
	}
}

// comes is a watch for a descriptor.
type comes struct {
	fd  int
	err error
}

func (c *comes) Fd() int { return c.fd }

func (c *comes) Err(cause error) error { return errors.Join(c.err, cause) }

// A process that does not get any further ends with what is watched, even if that is known
// only later.
func TestWatch(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	never, later := &comes{fd: -1}, &comes{-1, errors.New("it has come")}
	p := started(t, func(p *nsenter.Program) { say(p, birth.TagMaps, 0); sleep(p) })
	p.Watch = []Watch{never, later}
	p.Serve = map[byte]func([]kernel.Fd) error{birth.TagMaps: func([]kernel.Fd) error {
		later.fd = pipe[0]
		time.AfterFunc(20*time.Millisecond, func() { unix.Write(pipe[1], []byte{0}) })
		return nil
	}}
	launched, begin := p.Pid, time.Now()
	if err := p.Execute(); !errors.Is(err, later.err) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
	gone(t, launched)
}

// What the program has said comes first: it may be that all is well.
func TestMessageBeforeWatch(t *testing.T) {
	p := started(t, func(p *nsenter.Program) { say(p, birth.TagMaps, 0); sleep(p) })
	come := &comes{p.Socket(), errors.New("it has come")}
	if _, err := kernel.Poll([]unix.PollFd{kernel.Readable(p.Socket())}, time.Minute); err != nil {
		t.Fatal(err)
	}
	served := false
	p.Watch = []Watch{come}
	p.Serve = map[byte]func([]kernel.Fd) error{birth.TagMaps: func([]kernel.Fd) error {
		served, come.fd = true, readable(t)
		return nil
	}}
	if err := p.Execute(); !errors.Is(err, come.err) || !served {
		t.Errorf("%v, served %v", err, served)
	}
}

// readable is a descriptor that can be read.
func readable(t *testing.T) int {
	file, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return int(file.Fd())
}

// Whatever becomes of it, a process leaves no descriptor behind.
func TestNothingIsLeftOpen(t *testing.T) {
	open := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	asked := ""
	before := open()
	use := func(steps func(p *nsenter.Program), follow func(p *Process) error) {
		p := &Process{Program: program(steps), Serve: answers(&asked), Found: func() error { return nil }}
		if p.Start() == nil {
			_ = follow(p)
		}
		p.Kill()
		p.Close()
	}
	for _, steps := range []func(p *nsenter.Program){
		execute, clone,
		func(p *nsenter.Program) { clone(p); say(p, birth.TagCopyUp, 2); execute(p) },
		func(p *nsenter.Program) { say(p, birth.TagMaps, 2); execute(p) },
		func(p *nsenter.Program) { p.Chdir("/missing") },
		func(p *nsenter.Program) { p.Write(nsenter.File("unknown"), "x") },
	} {
		use(steps, (*Process).Execute)
	}
	use(sleep, func(*Process) error { return nil })
	p := &Process{Program: program(sleep)}
	if err := p.Prepare(); err != nil { // and does not start it
		t.Error(err)
	}
	p.Close()
	if after := open(); after != before {
		t.Errorf("%d descriptors were open, and now %d", before, after)
	}
}
