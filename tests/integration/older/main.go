// Command older executes a program on what looks to it like Linux before 6.17, where a procfs
// has no option pidns: fsconfig(2) refuses to take a descriptor for a value.
//
//	older PROGRAM [ARG...]
package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/seccomp"
)

func main() {
	runtime.LockOSThread()
	einval := uint(unix.EINVAL)
	f, err := seccomp.Compile(&specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{
		Names: []string{"fsconfig"}, Action: specs.ActErrno, ErrnoRet: &einval,
		Args: []specs.LinuxSeccompArg{{Index: 1, Value: unix.FSCONFIG_SET_FD, Op: specs.OpEqualTo}},
	}}})
	if err == nil {
		program := unix.SockFprog{Len: uint16(len(f.Instructions)), Filter: &f.Instructions[0]}
		if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0,
			uintptr(unsafe.Pointer(&program))); errno != 0 {
			err = errno
		}
	}
	if err == nil {
		err = syscall.Exec(os.Args[1], os.Args[1:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
