package integration

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// What a container cannot execute is told at create, in words that docker,
// podman and CRI-O know: from their exit status users see what is at fault.
func TestProgramThatCannotRun(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args string
		want []string
	}{
		{"missing", "missing", []string{`exec: "missing": executable file not found in $PATH`}},
		{"missing path", "/bin/missing", []string{`exec: "/bin/missing"`, "no such file or directory"}},
		{"missing directory", "/missing/true", []string{`exec: "/missing/true"`, "no such file or directory"}},
		{"below a file", "/etc/passwd/true", []string{`exec: "/etc/passwd/true"`, "not a directory"}},
		{"not executable", "/etc/passwd", []string{`exec: "/etc/passwd"`, "permission denied"}},
		{"directory", "/etc", []string{`exec: "/etc"`, "is a directory"}},
		{"architecture", "/opt/foreign", []string{`exec: "/opt/foreign"`, "exec format error"}},
		{"empty", "/opt/empty", []string{`exec: "/opt/empty"`, "exec format error"}},
		{"interpreter", "/opt/script", []string{`exec: "/opt/script"`, "no such file or directory",
			"/opt/interpreter"}},
		{"loader", "/opt/dynamic", []string{`exec: "/opt/dynamic"`, "no such file or directory",
			"/lib/ld-missing.so.1"}},
		{"dangling link", "/opt/dangling", []string{`exec: "/opt/dangling"`, "no such file or directory"}},
		{"links in a circle", "/opt/circle", []string{`exec: "/opt/circle"`, "too many levels of symbolic links"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, bundle.Args(test.args))
			makePrograms(t, c.Path("opt"))
			for _, call := range []func(...string) bundle.Result{c.Create, c.Run} {
				tells(t, call(), append(test.want, "unable to start container process: ")...)
				c.LeavesNothing()
			}
		})
	}
}

// tells requires that a call fails with a message that has the parts, when the
// quoting of the log's text format is undone.
func tells(t *testing.T, r bundle.Result, parts ...string) {
	t.Helper()
	r.Exits(1)
	message := strings.ReplaceAll(r.Stderr, `\"`, `"`)
	for _, part := range parts {
		if !strings.Contains(message, part) {
			t.Errorf("%s: stderr lacks %q: %s", r, part, message)
		}
	}
}

// makePrograms makes what cannot be executed.
func makePrograms(t *testing.T, dir string) {
	t.Helper()
	foreign := elf.EM_AARCH64
	if host := read(t, "/proc/sys/kernel/arch"); host == "aarch64" {
		foreign = elf.EM_X86_64
	}
	write(t, filepath.Join(dir, "foreign"), fakeELF(foreign, ""))
	write(t, filepath.Join(dir, "dynamic"), fakeELF(native(t), "/lib/ld-missing.so.1"))
	write(t, filepath.Join(dir, "empty"), "")
	write(t, filepath.Join(dir, "script"), "#!/opt/interpreter -x\n")
	for name, target := range map[string]string{"dangling": "nowhere", "circle": "circle"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// native is the machine that this program runs on.
func native(t *testing.T) elf.Machine {
	t.Helper()
	f, err := elf.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Machine
}

// fakeELF is an executable with a header and perhaps the name of a loader.
func fakeELF(machine elf.Machine, loader string) string {
	const headerSize, progSize = 64, 56
	header := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB),
			byte(elf.EV_CURRENT)},
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Entry: 0x400000,
		Phoff: headerSize, Ehsize: headerSize, Phentsize: progSize, Phnum: 1,
	}
	prog := elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: 0x400000,
		Filesz: headerSize, Memsz: headerSize, Align: 0x1000}
	if loader != "" {
		size := uint64(len(loader) + 1)
		prog = elf.Prog64{Type: uint32(elf.PT_INTERP), Flags: uint32(elf.PF_R), Off: headerSize + progSize,
			Filesz: size, Memsz: size, Align: 1}
	}
	image, err := binary.Append(nil, binary.LittleEndian, &header)
	if err == nil {
		image, err = binary.Append(image, binary.LittleEndian, &prog)
	}
	if err != nil {
		panic(err) // both have a fixed size
	}
	return string(image) + loader + "\x00"
}

// A program that only a mount brings is found, and what is missing is missed.
func TestProgramBehindAMount(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	write(t, filepath.Join(dir, "script"), "#!/bin/sh\necho from the mount\n")
	for _, test := range []struct {
		name string
		args string
		want string
	}{
		{"path", "/tools/script", ""},
		{"in PATH", "script", ""},
		{"missing path", "/tools/missing", "no such file or directory"},
		{"missing in PATH", "missing", "executable file not found in $PATH"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, bundle.Args(test.args),
				bundle.Mount(specs.Mount{Destination: "/tools", Source: dir, Options: []string{"bind"}}),
				func(s *specs.Spec) { s.Process.Env = []string{"PATH=/tools:/bin"} })
			if test.want == "" {
				c.Run().OK().Prints("from the mount")
				return
			}
			tells(t, c.Create(), fmt.Sprintf("exec: %q", test.args), test.want)
			c.LeavesNothing()
		})
	}
}

func TestProgramIsFoundInPath(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("found"), func(s *specs.Spec) {
		s.Process.Env = []string{"PATH=/missing:/etc/passwd:/first:/second:/bin"}
	})
	write(t, c.Path("first/found"), "not executable")
	if err := os.Chmod(c.Path("first/found"), 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, c.Path("second/found"), "#!/bin/sh\necho the second")
	c.Run().OK().Prints("the second")
}

// An execve that fails only at start: start says so, and the container has stopped.
func TestStartReportsWhatExecveSays(t *testing.T) {
	t.Parallel()
	eperm := uint(1)
	tests := []struct {
		name   string
		change bundle.Change
		break_ func(t *testing.T, c *bundle.Container) // after create
		want   []string
	}{
		{"removed", bundle.Args("/opt/true"), func(t *testing.T, c *bundle.Container) {
			if err := os.Remove(c.Path("opt/true")); err != nil {
				t.Fatal(err)
			}
		}, []string{"/opt/true", "no such file or directory"}},
		{"no longer executable", bundle.Args("/opt/true"), func(t *testing.T, c *bundle.Container) {
			if err := os.Chmod(c.Path("opt/true"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, []string{"/opt/true", "permission denied"}},
		{"seccomp", all(bundle.Args("/opt/true"), func(s *specs.Spec) {
			s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{
				{Names: []string{"execve"}, Action: specs.ActErrno, ErrnoRet: &eperm},
			}}
		}), func(*testing.T, *bundle.Container) {}, []string{"/opt/true", "operation not permitted"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, test.change)
			write(t, c.Path("opt/true"), read(t, c.Path("bin/busybox")))
			c.Create().OK()
			test.break_(t, c)
			log := filepath.Join(c.Dir, "log")
			r := c.Do("--log", log, "--log-format", "json", "start", c.ID).Fails(test.want...)
			if !strings.Contains(r.Stderr, "unable to start container process: ") {
				t.Errorf("stderr: %s", r.Stderr)
			}
			line := lastError(t, log)
			for _, want := range test.want {
				if !strings.Contains(line["msg"], want) {
					t.Errorf("the log lacks %q: %v", want, line)
				}
			}
			if line["syscall"] != "execve" || line["errno"] == "" || line["path"] != "/opt/true" {
				t.Errorf("the log's keys: %v", line)
			}
			if s := c.State(); s.Status != specs.StateStopped {
				t.Errorf("status %s", s.Status)
			}
			c.Start().Exits(1)
			c.Delete().OK()
			c.LeavesNothing()
		})
	}
}
