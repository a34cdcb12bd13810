package nsenter

import (
	"encoding/binary"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestStepString(t *testing.T) {
	for _, c := range []struct {
		build func(p *Program)
		want  string
	}{
		{func(p *Program) { p.Getpid().Into(p.Cell("old pid")) }, `getpid() = $old pid`},
		{func(p *Program) { p.Close(Int(3)).RepeatOn(unix.EINTR, 128).JumpOn(unix.EBADF, p.Target()) },
			`close(3)  ; EINTR: again, 128 times, EBADF: to an unplaced target`},
		{func(p *Program) { p.Mkdirat(Int(3), "dev", 0o755).Ignore(unix.EEXIST) },
			`mkdirat(3, "dev", 0755)  ; EEXIST: go on`},
		{func(p *Program) { p.FsconfigCreate(Int(3)).FailTo(p.Target()) },
			`fsconfig(3, FSCONFIG_CMD_CREATE, NULL, NULL, 0)  ; any error: fail, to an unplaced target`},
		{func(p *Program) { p.call(unix.SYS_CAPSET, Bytes([]byte{1, 0, 255}), Bytes(make([]byte, 25))) },
			`capset(<01 00 ff>, <25 bytes>)`},
		{func(p *Program) { p.call(60000, Int(7)) }, `syscall 60000(0x7)`},

		{func(p *Program) { p.Expect(Value(p.Cell("n")), ^uint64(0), 1, unix.ECANCELED) },
			`expect $n == 0x1, else fail with ECANCELED`},
		{func(p *Program) { p.Expect(Load(Buffer(256).At(24)), 0xf000, 0x2000, unix.ENODEV) },
			`expect buffer[256]+24 & 0xf000 == 0x2000, else fail with ENODEV`},
		{func(p *Program) { p.JumpUnless(Int(1), 3, 2, p.Target()) }, `if 1 & 0x3 != 0x2 go to an unplaced target`},
		{func(p *Program) { p.JumpIf(Value(p.Cell("child")), ^uint64(0), 0, p.Target()) },
			`if $child == 0x0 go to an unplaced target`},
		{func(p *Program) { p.Goto(p.Target()) }, `go to an unplaced target`},
		{func(p *Program) { p.Expect(Int(0), 0, 1, unix.ENOEXEC) }, `expect 0 & 0x0 == 0x1, else fail with ENOEXEC`},
		{func(p *Program) { p.call(unix.SYS_CHDIR, Address(p.String("/a/b").ref.data.At(2))) }, `chdir(&buffer[5]+2)`},
	} {
		p := New()
		c.build(p)
		if got := p.StepString(0); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestPrint(t *testing.T) {
	p := threeLabels()
	end := p.Target()
	p.Goto(end)
	p.Place(end)
	var b strings.Builder
	if err := p.Print(&b); err != nil {
		t.Fatal(err)
	}
	const want = `
# mapping the report page
   0  mmap(0x410000, 0x1000, 0x3, 0x11, <report>, 0)

# mounting proc on /proc
   1  write(<out>, "a", 1)
   2  write(<out>, "b", 1)  ; EPIPE: go on

# leaving
   3  getpid() = $pid

# mounting proc on /proc
   4  write(<out>, "c", 1)
   5  go to 6
`
	if b.String() != want {
		t.Errorf("got %s\nwant %s", b.String(), want)
	}
}

func TestPath(t *testing.T) {
	for _, c := range []struct {
		add  func(p *Program)
		want string
	}{
		{func(p *Program) { p.Mkdirat(Int(3), "dev", 0) }, "dev"},
		{func(p *Program) { p.Symlinkat("to", Int(3), "name") }, "name"},
		{func(p *Program) { p.Execve("/bin/sh", p.Strings(nil), p.Strings(nil)) }, "/bin/sh"},
		{func(p *Program) { p.Mount("src", "/at", "", 0, "") }, "/at"},
		{func(p *Program) { p.call(unix.SYS_CHDIR, Bytes(nil)) }, ""},
		{func(p *Program) { p.call(unix.SYS_CHDIR, Bytes([]byte("no end"))) }, "no end"},
		{func(p *Program) { p.Fsopen("proc") }, ""},
		{func(p *Program) { p.Getpid() }, ""},
	} {
		p := New()
		c.add(p)
		if got := p.Steps[0].Path(); got != c.want {
			t.Errorf("%s: %q, want %q", p.StepString(0), got, c.want)
		}
	}
	p := New()
	p.Expect(Int(0), 0, 1, unix.EPERM)
	if s := &p.Steps[0]; s.Path() != "" || s.CallName() != "test" {
		t.Errorf("a test has the path %q and the name %q", s.Path(), s.CallName())
	}
}

func TestStringsArePointers(t *testing.T) {
	p := New()
	p.call(unix.SYS_EXECVE, p.String("/x"), p.Strings([]string{"a", "bc"}), p.Strings(nil))
	m, err := Assemble(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	in := &Interpreter{}
	in.Syscall = func(_ uintptr, args [6]uint64) (uint64, unix.Errno) {
		list, err := in.Bytes(args[1], 24)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"a\x00", "bc\x00"} {
			text, err := in.Bytes(binary.NativeEndian.Uint64(list[8*i:]), len(want))
			if err != nil || string(text) != want {
				t.Errorf("argument %d is %q, %v", i, text, err)
			}
		}
		if end := binary.NativeEndian.Uint64(list[16:]); end != 0 {
			t.Errorf("the list ends with %#x", end)
		}
		return 0, 0
	}
	if _, err := in.Run(m); err != nil {
		t.Fatal(err)
	}
}

// TestPrintControl: a name in a label cannot look like a line of the program.
func TestPrintControl(t *testing.T) {
	p := New()
	p.Label("mounting \"a\"\n   7  execve()\x1b[2J on /ä")
	p.Chdir("/")
	var b strings.Builder
	if err := p.Print(&b); err != nil || !strings.HasPrefix(b.String(),
		"\n"+`# mounting "a"\n   7  execve()\x1b[2J on /ä`+"\n") {
		t.Errorf("%q, %v", b.String(), err)
	}
}
