package seccomp

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// childEnv makes the test binary load a filter and do what the variable says.
const childEnv = "RUNG_SECCOMP_TEST"

func TestMain(m *testing.M) {
	if what := os.Getenv(childEnv); what != "" {
		// Not os.Exit: what it runs first may need calls that are denied.
		unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(child(what)), 0, 0)
	}
	os.Exit(m.Run())
}

// load puts the calling thread under a filter.
func load(f *Filter) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(f.Instructions)), Filter: &f.Instructions[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(f.Flags),
		uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}

// testProfile allows what is not mentioned, and has a horizon.
func testProfile(what string) *specs.LinuxSeccomp {
	if what == "typical" {
		s := typical()
		s.Syscalls[0].Names = append(s.Syscalls[0].Names, "exit_group", "write", "gettid")
		return s
	}
	return &specs.LinuxSeccomp{DefaultAction: specs.ActAllow,
		Flags: []specs.LinuxSeccompFlag{flagTSYNC, specs.LinuxSeccompFlagLog},
		Syscalls: []specs.LinuxSyscall{
			{Names: []string{"getpriority"}, Action: specs.ActErrno,
				Args: []specs.LinuxSeccompArg{arg(1, specs.OpGreaterThan, 1<<32)}},
			{Names: []string{"personality"}, Action: specs.ActErrno, ErrnoRet: ptr(uint(unix.EDOM))},
			{Names: []string{"acct"}, Action: specs.ActKillProcess},
		}}
}

// child returns the errno of the call that it makes under the filter.
func child(what string) int {
	runtime.LockOSThread()
	if strings.HasPrefix(what, execPrefix) {
		println(execUnderFilter(what).Error())
		return 255
	}
	f, err := Compile(testProfile(what))
	if err == nil {
		err = load(f)
	}
	if err != nil {
		println(err.Error())
		return 255
	}
	var errno unix.Errno
	switch what {
	case "conditional, low":
		_, _, errno = unix.RawSyscall(unix.SYS_GETPRIORITY, 0, 0, 0)
	case "conditional, high":
		_, _, errno = unix.RawSyscall(unix.SYS_GETPRIORITY, 0, 1<<33, 0)
	case "errno":
		_, _, errno = unix.RawSyscall(unix.SYS_PERSONALITY, 0xffffffff, 0, 0)
	case "kill":
		_, _, errno = unix.RawSyscall(unix.SYS_ACCT, 0, 0, 0)
	case "typical":
		if _, _, errno = unix.RawSyscall(unix.SYS_PERSONALITY, 0x1234, 0, 0); errno != unix.EPERM {
			return int(errno)
		}
		_, _, errno = unix.RawSyscall(5000, 0, 0, 0)
	}
	return int(errno)
}

func TestLoaded(t *testing.T) {
	for what, want := range map[string]int{
		"conditional, low": 0, "conditional, high": int(unix.EPERM), "errno": int(unix.EDOM),
		"typical": int(unix.ENOSYS),
		"kill":    -1,
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+what)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%s: exit status %d, want %d: %s", what, got, want, out)
		}
		if signal := cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(); want == -1 && signal != unix.SIGSYS {
			t.Errorf("%s: signal %v, want SIGSYS", what, signal)
		}
	}
}
