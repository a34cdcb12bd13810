package nsenter

import (
	"encoding/binary"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestStepString(t *testing.T) {
	cwd := Int(unix.AT_FDCWD)
	for _, c := range []struct {
		build func(p *Program)
		want  string
	}{
		{func(p *Program) { p.Call(unix.SYS_GETPID) }, `getpid()`},
		{func(p *Program) { p.MapReport("report page") }, `mmap(0x410000, 0x1000, 0x3, 0x11, <report page>, 0)`},
		{func(p *Program) { p.Call(unix.SYS_CLOSE, Value(p.Cell("fs"))) }, `close($fs)`},
		{func(p *Program) {
			p.Call(unix.SYS_OPENAT, cwd, p.String("/"), Int(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC), Int(0)).Into(p.Cell("old root"))
		}, `openat(AT_FDCWD, "/", O_PATH|O_DIRECTORY|O_CLOEXEC, 00) = $old root`},
		{func(p *Program) {
			how := Words(unix.O_RDONLY, 0o644, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
			p.Call(unix.SYS_OPENAT2, Value(p.Cell("root")), p.String("a\nb"), how, Int(24)).RepeatOn(unix.EAGAIN, 128).JumpOn(unix.ENOENT, p.Target())
		}, `openat2($root, "a\nb", {O_RDONLY, 0644, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}, 24)  ; EAGAIN: again, 128 times, ENOENT: to an unplaced target`},
		{func(p *Program) { p.Call(unix.SYS_MKDIRAT, Int(3), p.String("dev"), Int(0o755)).Ignore(unix.EEXIST) },
			`mkdirat(3, "dev", 0755)  ; EEXIST: go on`},
		{func(p *Program) {
			p.Call(unix.SYS_MOUNT_SETATTR, Int(3), p.String(""), Int(unix.AT_EMPTY_PATH|unix.AT_RECURSIVE),
				Words(unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID, unix.MOUNT_ATTR__ATIME, unix.MS_SLAVE, 0), Int(32))
		}, `mount_setattr(3, "", AT_EMPTY_PATH|AT_RECURSIVE, {set=MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID, clear=MOUNT_ATTR__ATIME, propagation=MS_SLAVE}, 32)`},
		{func(p *Program) {
			p.Call(unix.SYS_MOUNT, Int(0), p.String("/"), Int(0), Int(unix.MS_REC|unix.MS_SLAVE), Int(0))
		}, `mount(NULL, "/", NULL, MS_REC|MS_SLAVE, NULL)`},
		{func(p *Program) {
			p.Call(unix.SYS_FSCONFIG, Int(3), Int(unix.FSCONFIG_SET_STRING), p.String("size"), p.String("64k"), Int(0)).FailTo(p.Target())
		}, `fsconfig(3, FSCONFIG_SET_STRING, "size", "64k", 0)  ; any error: fail, to an unplaced target`},
		{func(p *Program) {
			p.Call(unix.SYS_EXECVE, p.String("/bin/sh"), p.Strings([]string{"sh", "-c", "echo \"x\""}), p.Strings(nil))
		}, `execve("/bin/sh", ["sh", "-c", "echo \"x\""], [])`},
		{func(p *Program) { p.Clone(unix.CLONE_PARENT|unix.CLONE_NEWPID, ReportChild()).Into(p.Cell("child")) },
			`clone3({flags=CLONE_PARENT|CLONE_PARENT_SETTID|CLONE_NEWPID}, 88) = $child`},
		{func(p *Program) { p.Call(unix.SYS_PRCTL, Int(unix.PR_SET_NAME), p.String("init")) }, `prctl(PR_SET_NAME, "init")`},
		{func(p *Program) { p.Call(unix.SYS_PRCTL, Int(unix.PR_CAPBSET_DROP), Int(21)) }, `prctl(PR_CAPBSET_DROP, 0x15)`},
		{func(p *Program) { p.Call(unix.SYS_PRCTL, Int(unix.PR_SET_DUMPABLE), Int(0)) }, `prctl(PR_SET_DUMPABLE, 0x0)`},
		{func(p *Program) { p.Call(unix.SYS_READ, File("launcher"), Address(Buffer(8).At(0)), Int(1)) }, `read(<launcher>, buffer[8], 1)`},
		{func(p *Program) { p.Call(unix.SYS_READ, Int(3), Address(ReportMessage()), Int(1023)) }, `read(3, &report+64, 1023)`},
		{func(p *Program) { p.Call(unix.SYS_FCHOWN, Int(0), Int(1000), Int(-1)) }, `fchown(0, 1000, -1)`},
		{func(p *Program) { p.Call(unix.SYS_FCHMODAT, Int(3), p.String("."), Load(Buffer(256).At(28))) }, `fchmodat(3, ".", buffer[256]+28)`},
		{func(p *Program) { p.Call(unix.SYS_CAPSET, Bytes([]byte{1, 0, 255}), Bytes(make([]byte, 25))) }, `capset(<01 00 ff>, <25 bytes>)`},
		{func(p *Program) {
			b := &Data{Bytes: make([]byte, 16), Pointers: []Pointer{{8, (&Data{Bytes: make([]byte, 80)}).At(0)}}}
			p.Call(unix.SYS_SECCOMP, Int(unix.SECCOMP_SET_MODE_FILTER), Int(0), Address(b.At(0)))
		}, `seccomp(1, 0x0, {<80 bytes>})`},
		{func(p *Program) { p.Call(60000, Int(7)) }, `syscall 60000(0x7)`},

		{func(p *Program) { p.Expect(Value(p.Cell("n")), ^uint64(0), 1, unix.ECANCELED) }, `expect $n == 0x1, else fail with ECANCELED`},
		{func(p *Program) { p.Expect(Load(Buffer(256).At(24)), 0xf000, 0x2000, unix.ENODEV) },
			`expect buffer[256]+24 & 0xf000 == 0x2000, else fail with ENODEV`},
		{func(p *Program) { p.JumpUnless(Int(1), 3, 2, p.Target()) }, `if 1 & 0x3 != 0x2 go to an unplaced target`},
		{func(p *Program) { p.JumpIf(Value(p.Cell("child")), ^uint64(0), 0, p.Target()) }, `if $child == 0x0 go to an unplaced target`},
		{func(p *Program) { p.Goto(p.Target()) }, `go to an unplaced target`},
		{func(p *Program) { p.Expect(Int(0), 0, 1, unix.ENOEXEC) }, `expect 0 & 0x0 == 0x1, else fail with ENOEXEC`},
		{func(p *Program) { p.Call(unix.SYS_CHDIR, Address(p.String("/a/b").ref.data.At(2))) }, `chdir(&buffer[5]+2)`},
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
		nr   uintptr
		args func(p *Program) []Arg
		want string
	}{
		{unix.SYS_MKDIRAT, func(p *Program) []Arg { return []Arg{Int(3), p.String("dev"), Int(0)} }, "dev"},
		{unix.SYS_SYMLINKAT, func(p *Program) []Arg { return []Arg{p.String("to"), Int(3), p.String("name")} }, "name"},
		{unix.SYS_EXECVE, func(p *Program) []Arg { return []Arg{p.String("/bin/sh"), p.Strings(nil), p.Strings(nil)} }, "/bin/sh"},
		{unix.SYS_MOUNT, func(p *Program) []Arg { return []Arg{p.String("src"), p.String("/at"), Int(0), Int(0), Int(0)} }, "/at"},
		{unix.SYS_CHDIR, func(p *Program) []Arg { return []Arg{Bytes(nil)} }, ""},
		{unix.SYS_CHDIR, func(p *Program) []Arg { return []Arg{Bytes([]byte("no end"))} }, "no end"},
		{unix.SYS_FSOPEN, func(p *Program) []Arg { return []Arg{p.String("proc"), Int(0)} }, ""},
		{unix.SYS_GETPID, func(p *Program) []Arg { return nil }, ""},
	} {
		p := New()
		p.Call(c.nr, c.args(p)...)
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
	p.Call(unix.SYS_EXECVE, p.String("/x"), p.Strings([]string{"a", "bc"}), p.Strings(nil))
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
