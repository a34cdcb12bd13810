// Package seccomp compiles the seccomp profile of an OCI configuration to a
// classic BPF program for seccomp(2).
//
// It is in the place of libseccomp and gives the verdicts that runc with
// libseccomp gives (config-linux.md leaves them open):
//
//   - Rules whose action is the default action, errno included, are skipped.
//   - Rules of one entry compare each argument at most once, and all of
//     the conditions must hold. When an entry compares an argument several times,
//     each condition is a rule of its own.
//   - The first rule without conditions for a system call decides, whatever
//     other rules there are for the call, before or after it. (Filter.Shadowed
//     tells.) Otherwise rules with different actions must not hold for the same
//     call: see conflict.go. libseccomp refuses only the same conditions, and sorts
//     others in a way of its own, by which the last or the least general may win.
//   - Calls through an ABI that is not listed kill the thread.
//   - Calls newer than every call in the profile fail with ENOSYS instead of
//     being denied by the default action, so that programs fall back to the older
//     calls that the author of the profile knew. "Newer" means a greater number
//     than that of any name in the profile on the same ABI. This is not done when
//     the default action lets calls happen.
//   - For socket calls and System V IPC on 32-bit x86 see multiplex.go.
package seccomp

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A Filter is a compiled profile.
type Filter struct {
	// Instructions are the program for struct sock_fprog, 1 to 4096.
	Instructions []unix.SockFilter

	// Flags are SECCOMP_FILTER_FLAG_* for seccomp(2).
	Flags uint

	// Dropped are the names in rules that are no system call on any ABI of the
	// filter, in the order of the profile, each once.
	Dropped []string

	// Shadowed are the names of system calls of which a rule has no effect,
	// because one without conditions decides otherwise, each once.
	Shadowed []string
}

// Listens reports whether the filter has a listener, a descriptor by which an agent is asked about calls:
// seccomp(2) returns it, SECCOMP_FILTER_FLAG_NEW_LISTENER.
func (f *Filter) Listens() bool {
	return f != nil && f.Flags&unix.SECCOMP_FILTER_FLAG_NEW_LISTENER != 0
}

// Bytes returns the instructions as the kernel reads them, struct sock_filter
// after struct sock_filter. It shares their memory.
func (f *Filter) Bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f.Instructions))),
		len(f.Instructions)*unix.SizeofSockFilter)
}

// Compile compiles a profile for this machine.
func Compile(s *specs.LinuxSeccomp) (*Filter, error) {
	return CompileFor(runtime.GOARCH, s)
}

// CompileFor compiles a profile for the machine that a GOARCH names. Errors
// begin with the path of the property in config.json.
func CompileFor(goarch string, s *specs.LinuxSeccomp) (*Filter, error) {
	native := abis(goarch)
	if native == nil {
		return nil, fmt.Errorf("linux.seccomp: not supported on %s", goarch)
	}
	p, err := parseProfile(s, native)
	if err != nil {
		return nil, fmt.Errorf("linux.seccomp.%w", err)
	}
	c := newCompiler(p)
	code := c.compile(native)
	if c.err != nil {
		return nil, fmt.Errorf("linux.seccomp.%w", c.err)
	}
	if len(code) > unix.BPF_MAXINSNS {
		return nil, fmt.Errorf("linux.seccomp.syscalls: the filter has %d instructions, the kernel takes %d",
			len(code), unix.BPF_MAXINSNS)
	}
	flags := withListener(p.flags, code)
	return &Filter{Instructions: code, Flags: flags, Dropped: c.dropped.list, Shadowed: c.shadowed.list}, nil
}
