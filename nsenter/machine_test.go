package nsenter

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// machineCase is a program that both the machine and the interpreter run. It
// only uses write, getpid, lseek on a bad descriptor and exit_group, so that a
// fake kernel can stand in.
type machineCase struct {
	name   string
	build  func(p *Program)
	output string
	failed int // step after MapReport that fails, -1: none
	errno  unix.Errno
}

func say(p *Program, text string) Call {
	return p.call(unix.SYS_WRITE, File("out"), p.String(text), Int(len(text)))
}

func bad(p *Program) Call { return p.call(unix.SYS_CLOSE, Int(12345)) }

var machineCases = []machineCase{
	{"empty", func(*Program) {}, "", -1, 0},
	{"steps in order", func(p *Program) { say(p, "a"); say(p, "b"); say(p, "c") }, "abc", -1, 0},
	{"errno without a rule fails", func(p *Program) { say(p, "a"); bad(p); say(p, "b") }, "a", 1, unix.EBADF},
	{"errno with another rule fails", func(p *Program) { bad(p).Ignore(unix.EINTR, unix.ENOENT) }, "", 0, unix.EBADF},
	{"continue", func(p *Program) { bad(p).Ignore(unix.EINTR, unix.EBADF); say(p, "b") }, "b", -1, 0},
	{"any errno", func(p *Program) { bad(p).Ignore(AnyErrno); say(p, "b") }, "b", -1, 0},
	{"jump on errno", func(p *Program) {
		t := p.Target()
		bad(p).JumpOn(unix.EBADF, t)
		say(p, "skipped")
		p.Place(t)
		say(p, "b")
	}, "b", -1, 0},
	{"no jump without an errno", func(p *Program) {
		t := p.Target()
		say(p, "a").JumpOn(unix.EBADF, t)
		say(p, "b")
		p.Place(t)
	}, "ab", -1, 0},
	{"repeat is bounded, then the next rule", func(p *Program) {
		bad(p).RepeatOn(unix.EBADF, 5).Ignore(unix.EBADF)
		say(p, "b")
		bad(p).RepeatOn(unix.EBADF, 5)
	}, "b", 2, unix.EBADF},
	{"result in a cell", func(p *Program) {
		c := p.Cell("written")
		say(p, "four").Into(c)
		p.Expect(Value(c), ^uint64(0), 4, unix.EPROTO)
		p.Expect(Value(c), ^uint64(0), 5, unix.EPROTO)
	}, "four", 2, unix.EPROTO},
	{"a failed call leaves its cell", func(p *Program) {
		c := p.Cell("closed")
		bad(p).Into(c).Ignore(unix.EBADF)
		p.Expect(Value(c), ^uint64(0), ^uint64(0), unix.EPROTO)
		say(p, "b")
	}, "b", -1, 0},
	{"cell as an argument", func(p *Program) {
		c := p.Cell("length")
		say(p, "ab").Into(c)
		p.call(unix.SYS_WRITE, File("out"), p.String("xyz"), Value(c))
	}, "abxy", -1, 0},
	{"result in a buffer", func(p *Program) {
		d := Buffer(16)
		say(p, "ABC").IntoRef(d.At(8))
		p.Expect(Load(d.At(8)), ^uint64(0), 3, unix.EPROTO)
		p.Expect(Load(d.At(0)), ^uint64(0), 0, unix.EPROTO)
	}, "ABC", -1, 0},
	{"test under a mask", func(p *Program) {
		t := p.Target()
		p.JumpUnless(Int(0x1234), 0xff, 0x34, t)
		say(p, "equal")
		p.JumpUnless(Int(0x1234), 0xff, 0x12, t)
		say(p, "skipped")
		p.Place(t)
	}, "equal", -1, 0},
	{"inverted test", func(p *Program) {
		t := p.Target()
		p.JumpIf(Int(7), 0xff, 8, t)
		say(p, "differs")
		p.JumpIf(Int(7), 0xff, 7, t)
		say(p, "skipped")
		p.Place(t)
	}, "differs", -1, 0},
	{"look until it is so", func(p *Program) {
		p.await(Int(7), 0xff, 7, 0, unix.EPROTO)
		say(p, "a")
		p.await(Int(7), 0xff, 8, 1<<16, unix.EPROTO)
		say(p, "b")
	}, "a", 2, unix.EPROTO},
	{"goto", func(p *Program) {
		t := p.Target()
		p.Goto(t)
		say(p, "skipped")
		p.Place(t)
		say(p, "b")
	}, "b", -1, 0},
	{"fail to", func(p *Program) {
		explain := p.Target()
		bad(p).FailTo(explain)
		say(p, "skipped")
		p.Place(explain)
		say(p, "why")
		p.call(unix.SYS_EXIT_GROUP, Int(1))
	}, "why", 0, unix.EBADF},
	{"pointers in data", func(p *Program) {
		word := &Data{Bytes: []byte("pointed")}
		iov := &Data{Bytes: make([]byte, 16), Pointers: []Pointer{{0, word.At(2)}}}
		iov.Bytes[8] = 5
		p.call(unix.SYS_WRITEV, File("out"), Address(iov.At(0)), Int(1))
	}, "inted", -1, 0},
	{"parked steps", func(p *Program) {
		t := p.Target()
		c := p.Cell("length")
		say(p, "be").JumpOn(unix.EBADF, t)
		say(p, "fore ").Into(c)
		p.Park()
		p.call(unix.SYS_WRITE, File("out"), p.String("after"), Value(c)) // the text comes back
		bad(p).JumpOn(unix.EBADF, t)
		say(p, "skipped")
		p.Place(t)
		say(p, ".")
		bad(p)
	}, "before after.", 8, unix.EBADF},
	{"exit", func(p *Program) { p.call(unix.SYS_EXIT_GROUP, Int(0)); say(p, "skipped") }, "", -1, 0},
}

func (c *machineCase) program() *Program {
	p := New()
	p.Label("mapping the report page")
	p.MapReport("report")
	p.Label(c.name)
	c.build(p)
	return p
}

func (c *machineCase) check(t *testing.T, out string, r Report) {
	t.Helper()
	if out != c.output {
		t.Errorf("wrote %q, want %q", out, c.output)
	}
	failed := c.failed
	if failed >= 0 {
		failed++
	}
	if r.Failed != failed || r.Errno != c.errno {
		t.Errorf("failed step %d errno %v, want %d %v", r.Failed, r.Errno, failed, c.errno)
	}
}

func TestInterpreter(t *testing.T) {
	for _, c := range machineCases {
		t.Run(c.name, func(t *testing.T) {
			m, err := Assemble(c.program(), map[string]int{"out": 3, "report": 4})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			in := &Interpreter{}
			in.Syscall = func(nr uintptr, args [6]uint64) (uint64, unix.Errno) {
				switch nr {
				case unix.SYS_WRITE:
					b, err := in.Bytes(args[1], int(args[2]))
					if err != nil || args[0] != 3 {
						return 0, unix.EFAULT
					}
					out.Write(b)
					return args[2], 0
				case unix.SYS_WRITEV:
					iov, _ := in.Bytes(args[1], 16)
					b, err := in.Bytes(word(&Data{Bytes: iov}, 0), int(word(&Data{Bytes: iov}, 1)))
					if err != nil {
						return 0, unix.EFAULT
					}
					out.Write(b)
					return uint64(len(b)), 0
				case unix.SYS_CLOSE:
					return 0, unix.EBADF
				}
				return 0, 0
			}
			r, err := in.Run(m)
			if err != nil {
				t.Fatal(err)
			}
			c.check(t, out.String(), r)
		})
	}
}

// TestMachine runs the same programs on the machine, in images of both kinds.
// With RUNG_TEST_EXEC (qemu-aarch64-static in CI) the image is a file that this
// program executes, because the kernel cannot execute it by itself.
func TestMachine(t *testing.T) {
	for _, c := range machineCases {
		t.Run(c.name, func(t *testing.T) {
			out, r := runOnMachine(t, c.program())
			c.check(t, out, r)
		})
	}
}

// TestMachineRepeats counts the calls of a step that fails each time, by what it does
// nevertheless: a wait4(2) that cannot say how the child ended has reaped it.
func TestMachineRepeats(t *testing.T) {
	const children, anyChild, badAddress = 6, -1, 1
	for _, again := range []uint32{0, 1, 3} {
		p := New()
		p.MapReport("report")
		child, born := p.Cell("child"), p.Target()
		for range children {
			p.call(unix.SYS_CLONE, Int(unix.SIGCHLD), Int(0), Int(0), Int(0), Int(0)).Into(child)
			p.JumpIf(Value(child), ^uint64(0), 0, born)
		}
		p.call(unix.SYS_WAIT4, Int(anyChild), Int(badAddress), Int(0), Int(0)).
			RepeatOn(unix.EFAULT, again).Ignore(unix.EFAULT)
		for range children {
			p.call(unix.SYS_WAIT4, Int(anyChild), Int(0), Int(0), Int(0)).JumpOn(unix.ECHILD, born)
			say(p, ".")
		}
		p.Place(born)
		p.ExitGroup(0)
		out, r := runOnMachine(t, p)
		if calls := children - len(out); calls != 1+int(again) || r.Failed >= 0 {
			t.Errorf("a step to be repeated %d times was made %d times; %+v", again, calls, r)
		}
	}
}

// A launched process begins with all signals blocked, and the launcher has those
// blocked that it had, whether the image is executed or not.
func TestLaunchSignals(t *testing.T) {
	if os.Getenv("RUNG_TEST_EXEC") != "" {
		t.Skip("the emulator launches nothing")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, blocked, old unix.Sigset_t
	blocked.Val[0] = 1<<(unix.SIGUSR1-1) | 1<<(unix.SIGWINCH-1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &blocked, &old); err != nil {
		t.Fatal(err)
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	unix.PthreadSigmask(unix.SIG_BLOCK, nil, &before)

	p := New()
	p.MapReport("report")
	mask := p.Cell("mask")
	p.call(unix.SYS_RT_SIGPROCMASK, Int(unix.SIG_BLOCK), Int(0), Address(mask.Ref()), Int(8))
	p.call(unix.SYS_WRITE, File("out"), Address(mask.Ref()), Int(8))
	p.call(unix.SYS_EXIT_GROUP, Int(0))
	out, _ := runOnMachine(t, p)
	const uncatchable = 1<<(unix.SIGKILL-1) | 1<<(unix.SIGSTOP-1)
	if got := binary.NativeEndian.Uint64([]byte(out)); got != ^uint64(uncatchable) {
		t.Errorf("blocked in the process are %#x", got)
	}
	if _, err := Launch(&Image{Fd: int(os.Stdin.Fd())}, Options{}); err == nil {
		t.Error("standard input was executed")
	}
	var after unix.Sigset_t
	unix.PthreadSigmask(unix.SIG_BLOCK, nil, &after)
	if after != before {
		t.Errorf("blocked in the launcher are %#x, before %#x", after.Val[0], before.Val[0])
	}
}

func runOnMachine(t *testing.T, p *Program) (string, Report) {
	t.Helper()
	report, err := os.CreateTemp(t.TempDir(), "report")
	if err != nil {
		t.Fatal(err)
	}
	defer report.Close()
	if err := report.Truncate(ReportSize); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if emulator := os.Getenv("RUNG_TEST_EXEC"); emulator != "" {
		emulate(t, emulator, p, w, report)
	} else {
		launchAndWait(t, p, w, report)
	}
	w.Close()
	var out bytes.Buffer
	if _, err := out.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(report.Name())
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), ParseReport(page)
}

func launchAndWait(t *testing.T, p *Program, out, report *os.File) {
	t.Helper()
	files := map[string]int{"out": int(out.Fd()), "report": int(report.Fd())}
	m, err := Assemble(p, files)
	if err != nil {
		t.Fatal(err)
	}
	img, err := NewImage(p, m, "")
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	child, err := Launch(img, Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(child.Pidfd)
	var status unix.WaitStatus
	if _, err := unix.Wait4(child.Pid, &status, 0, nil); err != nil {
		t.Fatal(err)
	}
	if !status.Exited() {
		t.Fatalf("the machine was ended by %v", status.Signal())
	}
}

func emulate(t *testing.T, emulator string, p *Program, out, report *os.File) {
	t.Helper()
	m, err := Assemble(p, map[string]int{"out": 3, "report": 4})
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/image"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(int(f.Fd()), imageFile(p, m)); err != nil {
		t.Fatal(err)
	}
	f.Close()
	cmd := exec.Command(emulator, path)
	cmd.ExtraFiles = []*os.File{out, report}
	if text, err := cmd.CombinedOutput(); err != nil && !strings.Contains(err.Error(), "exit status 1") {
		t.Fatalf("%s: %v: %s", emulator, err, text)
	}
}

func TestImageInFile(t *testing.T) {
	p := machineCases[1].program()
	m, err := Assemble(p, map[string]int{"out": 3, "report": 4})
	if err != nil {
		t.Fatal(err)
	}
	img, err := NewImage(p, m, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if _, err := unix.Pwrite(img.Fd, []byte("x"), 0); err != unix.EBADF {
		t.Errorf("writing to the image: %v, want EBADF", err)
	}
	if _, err := NewImage(p, m, "/proc"); err == nil {
		t.Error("an image below /proc was made")
	}
}

func TestMemfdIsSealed(t *testing.T) {
	p := machineCases[1].program()
	m, err := Assemble(p, map[string]int{"out": 3, "report": 4})
	if err != nil {
		t.Fatal(err)
	}
	img, err := NewImage(p, m, "")
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if _, err := unix.Pwrite(img.Fd, []byte("x"), 0); err != unix.EPERM {
		t.Errorf("writing to the image: %v, want EPERM", err)
	}
	if err := unix.Ftruncate(img.Fd, 0); err != unix.EPERM {
		t.Errorf("truncating the image: %v, want EPERM", err)
	}
}
