package executable

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/hostile"
)

func nativeMachine(t testing.TB) uint16 {
	switch runtime.GOARCH {
	case "amd64":
		return unix.EM_X86_64
	case "arm64":
		return unix.EM_AARCH64
	}
	t.Fatalf("no machine for %s", runtime.GOARCH)
	return 0
}

// foreign is a machine that no processor is and no emulator is registered for.
const foreign = 0xfffe

// programs is a root with programs, scripts, and what is neither.
func programs(t *testing.T) (root string) {
	t.Helper()
	native := nativeMachine(t)
	long := "#!/bin/" + strings.Repeat("x", 300) + "\n"
	return tree(t, map[string]string{
		"sh": program(native, unix.ET_EXEC, ""), "pie": program(native, unix.ET_DYN, ""),
		"script": "#!/sh\n", "args": "#! \t/sh -e\n", "no-newline": "#!/sh", "relative": "#!sh\n",
		"missing": "#!/none -x\n", "crlf": "#!/sh\r\necho\r\n", "to-dir": "#!/d\n", "d/": "", "to-text": "#!/text\n",
		"text-x": "x",
		"blank":  "#!\nx", "spaces": "#!   \n", "long": long, "long-args": "#!/sh " + strings.Repeat("x", 300) + "\n",
		"empty": "", "garbage": "echo hi\n", "foreign": program(foreign, unix.ET_EXEC, ""),
		"to-foreign": "#!/foreign\n",
		"truncated":  program(native, unix.ET_EXEC, "")[:40], "object": program(native, 1, ""),
		"glibc":  program(native, unix.ET_DYN, "/lib64/ld-linux-x86-64.so.2"),
		"musl":   program(native, unix.ET_DYN, "/lib/ld-musl-x86_64.so.1"),
		"linked": program(native, unix.ET_DYN, "/sh"), "to-glibc": "#!/glibc\n",
		"s1": "#!/sh\n", "s2": "#!/s1\n", "s3": "#!/s2\n", "s4": "#!/s3\n", "s5": "#!/s4\n", "s6": "#!/s5\n",
		"self": "#!/self\n",
	})
}

func TestInspect(t *testing.T) {
	root := programs(t)
	tests := []struct {
		name  string
		text  string // "" for none
		hint  string
		path  string
		errno unix.Errno
	}{
		{name: "/sh"}, {name: "/pie"}, {name: "/script"}, {name: "/args"}, {name: "/no-newline"}, {name: "/relative"},
		{name: "/long-args"},
		{name: "/linked"}, {name: "/s5"},
		{"/missing", `exec: "/missing": interpreter "/none": no such file or directory`, "first line of /missing",
			"/none", unix.ENOENT},
		{"/crlf", `exec: "/crlf": interpreter "/sh\r": no such file or directory`, "CR LF", "/sh\r", unix.ENOENT},
		{"/to-dir", `exec: "/to-dir": interpreter "/d": permission denied`, "first line", "/d", unix.EACCES},
		{"/to-text", `exec: "/to-text": interpreter "/text": permission denied`, "first line", "/text", unix.EACCES},
		{"/blank", `exec: "/blank": exec format error: its #! line names no interpreter, or is too long`, "", "/blank",
			unix.ENOEXEC},
		{"/spaces", `exec: "/spaces": exec format error: its #! line names no interpreter, or is too long`, "",
			"/spaces", unix.ENOEXEC},
		{"/long", `exec: "/long": exec format error: its #! line names no interpreter, or is too long`, "", "/long",
			unix.ENOEXEC},
		{"/empty", `exec: "/empty": exec format error: the file is empty`, "", "/empty", unix.ENOEXEC},
		{"/garbage",
			`exec: "/garbage": exec format error: it is neither an ELF program nor a script that begins with #!`,
			"#!/bin/sh", "/garbage", unix.ENOEXEC},
		{"/foreign",
			`exec: "/foreign": exec format error: built for another machine (ELF number 65534), this machine is ` +
				machineName(runtime.GOARCH), "emulator", "/foreign", unix.ENOEXEC},
		{"/to-foreign",
			`exec: "/to-foreign": interpreter "/foreign": exec format error: built for another machine ` +
				`(ELF number 65534), this machine is ` + machineName(runtime.GOARCH),
			"emulator", "/foreign", unix.ENOEXEC},
		{"/truncated", `exec: "/truncated": exec format error: it is a truncated ELF file`, "", "/truncated",
			unix.ENOEXEC},
		{"/object", `exec: "/object": exec format error: it is an ELF file, but no program`, "", "/object",
			unix.ENOEXEC},
		{"/glibc", `exec: "/glibc": loader "/lib64/ld-linux-x86-64.so.2": no such file or directory`, "built for glibc",
			"/lib64/ld-linux-x86-64.so.2", unix.ENOENT},
		{"/musl", `exec: "/musl": loader "/lib/ld-musl-x86_64.so.1": no such file or directory`, "built for musl",
			"/lib/ld-musl-x86_64.so.1", unix.ENOENT},
		{"/to-glibc", `exec: "/to-glibc": loader "/lib64/ld-linux-x86-64.so.2": no such file or directory`,
			"/glibc is dynamically linked", "/lib64/ld-linux-x86-64.so.2", unix.ENOENT},
		{"/s6", `exec: "/s6": too many levels of symbolic links`, "five deep", "/s1", unix.ELOOP},
		{"/self", `exec: "/self": too many levels of symbolic links`, "five deep", "/self", unix.ELOOP},
		{"/gone", `exec: "/gone": stat /gone: no such file or directory`, "", "/gone", unix.ENOENT},
	}
	for _, test := range tests {
		err := finder(t, root).Inspect(test.name)
		if test.text == "" {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v, want %s", test.name, err, test.text)
		} else if e.Error() != test.text || e.Errno != test.errno || e.Path != test.path ||
			!strings.Contains(e.Hint, test.hint) {
			t.Errorf("%s: %q, errno %v, path %q, hint %q; want %+v", test.name, e, e.Errno, e.Path, e.Hint, test)
		}
	}
}

func TestInspectBehindMount(t *testing.T) {
	root := tree(t, map[string]string{"script": "#!/usr/bin/sh\n",
		"dynamic": program(nativeMachine(t), unix.ET_DYN, "/usr/lib/ld.so")})
	for _, name := range []string{"/script", "/dynamic"} {
		f := finder(t, root)
		f.Mounts = []string{"/usr"}
		if err := f.Inspect(name); !errors.Is(err, ErrBehindMount) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAgainstKernel compares with what execve says about the same files, with
// the machine's own root as the rootfs.
func TestAgainstKernel(t *testing.T) {
	dir := tree(t, map[string]string{"text-x": "x", "d/": ""})
	in := func(name string) string { return filepath.Join(dir, name) }
	long := "#!/bin/sh" + strings.Repeat("x", 300) + "\n"
	files := map[string]string{
		"ok": "#!/bin/sh\nexit 0\n", "missing": "#!/none\n", "crlf": "#!/bin/sh\r\n",
		"to-text": "#!" + in("text") + "\n", "to-dir": "#!" + in("d") + "\n",
		"empty": "", "garbage": "hello\n", "blank": "#!\n", "long": long, "foreign": program(foreign, unix.ET_EXEC, ""),
		"truncated": program(nativeMachine(t), unix.ET_EXEC, "")[:40], "object": program(nativeMachine(t), 1, ""),
		"loader":     program(nativeMachine(t), unix.ET_DYN, "/none/ld.so"),
		"loader-dir": program(nativeMachine(t), unix.ET_DYN, in("d")), "self": "#!" + in("self") + "\n",
		"s1": "#!/bin/sh\nexit 0\n", "s2": "#!" + in("s1") + "\n", "s3": "#!" + in("s2") + "\n",
		"s4": "#!" + in("s3") + "\n", "s5": "#!" + in("s4") + "\n",
		"s6": "#!" + in("s5") + "\n",
	}
	for name, content := range files {
		if err := os.WriteFile(in(name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name := range files {
		pid, _, kernel := syscall.StartProcess(in(name), []string{name}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
		if kernel == nil {
			if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
				t.Error(err)
			}
		}
		err := finder(t, "/").Inspect(in(name))
		if (err == nil) != (kernel == nil) || err != nil && !errors.Is(err, kernel) {
			t.Errorf("%s: %v, the kernel says %v", name, err, kernel)
		}
	}
}

func TestMachines(t *testing.T) {
	elf32 := func(machine uint16, order byte) string {
		b := []byte(program(machine, unix.ET_EXEC, ""))
		b[4], b[5] = unix.ELFCLASS32, order
		if order == unix.ELFDATA2MSB {
			b[18], b[19] = b[19], b[18]
		}
		return string(b)
	}
	for _, test := range []struct {
		file         string
		name         string
		amd64, arm64 bool
	}{
		{program(unix.EM_X86_64, unix.ET_EXEC, ""), "x86_64", true, false},
		{elf32(unix.EM_X86_64, 1), "x86_64", true, false}, // x32
		{elf32(unix.EM_386, 1), "i386", true, false},
		{program(unix.EM_AARCH64, unix.ET_EXEC, ""), "aarch64", false, true},
		{elf32(unix.EM_ARM, 1), "arm", false, true},
		{program(unix.EM_RISCV, unix.ET_EXEC, ""), "riscv64", false, false},
		{elf32(unix.EM_MIPS, unix.ELFDATA2MSB), "mips", false, false},
		{program(unix.EM_PPC64, unix.ET_EXEC, ""), "ppc64le", false, false},
	} {
		h, _ := parseELF([]byte(test.file))
		if h.machineName() != test.name || runs("amd64", h) != test.amd64 || runs("arm64", h) != test.arm64 {
			t.Errorf("%s: %s, amd64 %v, arm64 %v", test.name, h.machineName(), runs("amd64", h), runs("arm64", h))
		}
	}
}

func TestRegistered(t *testing.T) {
	head := []byte(program(foreign, unix.ET_EXEC, ""))
	magic := hex.EncodeToString(head[:20])
	entry := func(enabled, rest string) string {
		return enabled + "\ninterpreter /usr/bin/emulator\nflags: \n" + rest
	}
	for _, test := range []struct {
		status, entry string
		want          bool
	}{
		{"enabled\n", entry("enabled", "offset 0\nmagic "+magic+"\n"), true},
		{"disabled\n", entry("enabled", "offset 0\nmagic "+magic+"\n"), false},
		{"enabled\n", entry("disabled", "offset 0\nmagic "+magic+"\n"), false},
		{"enabled\n", entry("enabled", "offset 1\nmagic "+magic+"\n"), false},
		{"enabled\n", entry("enabled", "offset 0\nmagic 00454c46\nmask 00ffffff\n"), true},
		{"enabled\n", entry("enabled", "offset 0\nmagic 00454c46\nmask ffffffff\n"), false},
		{"enabled\n", entry("enabled", "extension .jar\n"), true},
		{"enabled\n", entry("enabled", "extension .exe\n"), false},
	} {
		dir := tree(t, map[string]string{"status": test.status, "register": "", "emulator": test.entry})
		if got := registered(dir, head, "/app.jar"); got != test.want {
			t.Errorf("%q, %q: %v", test.status, test.entry, got)
		}
	}
	if registered(filepath.Join(t.TempDir(), "none"), head, "/app") {
		t.Error("registered without the file system")
	}
}

func FuzzInspect(f *testing.F) {
	f.Add([]byte("#!/bin/sh\n"))
	f.Add([]byte(program(unix.EM_X86_64, unix.ET_DYN, "/lib/ld.so")))
	f.Fuzz(func(t *testing.T, content []byte) {
		root := t.TempDir()
		if err := os.WriteFile(filepath.Join(root, "prog"), content, 0o755); err != nil {
			t.Fatal(err)
		}
		err := finder(t, root).Inspect("/prog")
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Errno == 0) {
			t.Errorf("%v", err)
		}
	})
}

// TestInspectOpensNothingElse has the program change places with a FIFO, whose opening
// its owner would see: a device's may do anything.
func TestInspectOpensNothingElse(t *testing.T) {
	root := tree(t, map[string]string{"sh": program(nativeMachine(t), unix.ET_EXEC, "")})
	if err := unix.Mkfifo(root+"/fifo", 0o755); err != nil {
		t.Fatal(err)
	}
	f := finder(t, root)
	opened := hostile.Opened(t, root+"/fifo")
	hostile.Race(t, hostile.Exchange(root+"/sh", root+"/fifo"), func() {
		if err := f.Inspect("/sh"); err != nil {
			t.Fatal(err)
		}
	})
	if opened() {
		t.Error("the FIFO was opened")
	}
}

// TestFIFOs has a FIFO in each place of which an image's program is opened to be looked at.
func TestFIFOs(t *testing.T) {
	root := tree(t, map[string]string{
		"script": "#!/fifo\n", "env": "#!/script2\n", "script2": "#!/link\n", "link": "-> fifo",
		"dynamic": program(nativeMachine(t), unix.ET_EXEC, "/fifo"),
		"linked":  program(nativeMachine(t), unix.ET_EXEC, "/link"),
	})
	if err := unix.Mkfifo(root+"/fifo", 0o755); err != nil {
		t.Fatal(err)
	}
	opened := hostile.Opened(t, root+"/fifo")
	for _, name := range []string{"/fifo", "/link", "/script", "/env", "/dynamic", "/linked"} {
		f := finder(t, root)
		f.Override, f.UID = false, 4711 // so that access control lists are looked for, too
		resolved, err := f.Find(name)
		if err == nil {
			err = f.Inspect(resolved)
		}
		var e *Error
		if !errors.As(err, &e) || e.Errno != unix.EACCES {
			t.Errorf("%s: %v", name, err)
		}
	}
	if opened() {
		t.Error("the FIFO was opened")
	}
}
