package seccomp

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// caller makes a static program that makes one system call by int $0x80 (the
// i386 ABI) or by syscall, and exits with the errno.
func caller(i386 bool, nr, arg uint32) []byte {
	le := binary.LittleEndian
	code := le.AppendUint32([]byte{0xb8}, nr) // mov eax, nr
	if i386 {
		code = append(le.AppendUint32(append(code, 0xbb), arg), 0xcd, 0x80) // mov ebx, arg; int 0x80
	} else {
		code = append(le.AppendUint32(append(code, 0xbf), arg), 0x0f, 0x05) // mov edi, arg; syscall
	}
	code = append(code, 0xf7, 0xd8, 0x89, 0xc7)                      // neg eax; mov edi, eax
	code = append(code, 0xb8, unix.SYS_EXIT_GROUP, 0, 0, 0, 0x0f, 5) // mov eax, exit_group; syscall

	const base, headers = 0x400000, 64 + 56
	b := make([]byte, headers)
	copy(b, unix.ELFMAG)
	b[4], b[5], b[6] = unix.ELFCLASS64, unix.ELFDATA2LSB, 1
	le.PutUint16(b[16:], unix.ET_EXEC)
	le.PutUint16(b[18:], unix.EM_X86_64)
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[24:], base+headers) // e_entry
	le.PutUint64(b[32:], 64)           // e_phoff
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], 1)
	ph := b[64:]
	le.PutUint32(ph, unix.PT_LOAD)
	le.PutUint32(ph[4:], 5) // r-x
	le.PutUint64(ph[16:], base)
	le.PutUint64(ph[32:], uint64(headers+len(code)))
	le.PutUint64(ph[40:], uint64(headers+len(code)))
	return append(b, code...)
}

const execPrefix = "exec "

// execUnderFilter is the child of TestOtherABIs: it loads a filter and executes
// the program.
func execUnderFilter(what string) error {
	which, program, _ := strings.Cut(strings.TrimPrefix(what, execPrefix), " ")
	if which != "none" {
		f, err := Compile(otherProfile(which))
		if err != nil {
			return err
		}
		if err := load(f); err != nil {
			return err
		}
	}
	return unix.Exec(program, []string{program}, nil)
}

func otherProfile(which string) *specs.LinuxSeccomp {
	s := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: []specs.Arch{specs.ArchX86},
		Syscalls: []specs.LinuxSyscall{
			{Names: []string{"personality"}, Action: specs.ActErrno, ErrnoRet: ptr(uint(unix.EDOM))},
			{Names: []string{"socket"}, Action: specs.ActErrno, ErrnoRet: ptr(uint(unix.EACCES)),
				Args: []specs.LinuxSeccompArg{arg(0, specs.OpEqualTo, unix.AF_ALG)}},
		}}
	switch which {
	case "native":
		s.Architectures = nil
	case "deny":
		s.DefaultAction = specs.ActErrno
		s.Syscalls = []specs.LinuxSyscall{allow("execve", "exit_group", "read", "openat2")}
	}
	return s
}

func TestOtherABIs(t *testing.T) {
	run := func(profile string, program []byte) (code int, signal syscall.Signal) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "caller")
		if err := os.WriteFile(file, program, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+execPrefix+profile+" "+file)
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatal(err)
		}
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if status.Signaled() {
			return 0, status.Signal()
		}
		return status.ExitStatus(), 0
	}
	const badFD = 5
	if _, signal := run("none", caller(true, 6 /* close */, badFD)); signal != 0 {
		t.Skip("this kernel has no 32-bit system calls: int $0x80 ends in", signal)
	}
	for _, test := range []struct {
		name    string
		profile string
		program []byte
		code    int
		signal  syscall.Signal
	}{
		{"without a filter", "none", caller(true, 6, badFD), int(unix.EBADF), 0},
		{"i386", "i386", caller(true, 136, 0xffffffff), int(unix.EDOM), 0},
		{"i386, no rule", "i386", caller(true, 6, badFD), int(unix.EBADF), 0},
		{"socketcall socket", "i386", caller(true, 102, 1), int(unix.EACCES), 0},
		{"socketcall connect", "i386", caller(true, 102, 3), int(unix.EFAULT), 0},
		{"i386 is not listed", "native", caller(true, 6, badFD), 0, unix.SIGSYS},
		{"x32 is not listed", "i386", caller(false, x32Bit|3, badFD), 0, unix.SIGSYS},
		{"x86_64", "i386", caller(false, 135, 0xffffffff), int(unix.EDOM), 0},
		{"denied", "deny", caller(true, 6, badFD), int(unix.EPERM), 0},
		{"newer", "deny", caller(true, 462, 0), int(unix.ENOSYS), 0},
	} {
		if code, signal := run(test.profile, test.program); code != test.code || signal != test.signal {
			t.Errorf("%s: exit status %d, signal %v; want %d, %v", test.name, code, signal, test.code, test.signal)
		}
	}
}
