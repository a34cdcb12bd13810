package seccomp

import "golang.org/x/sys/unix"

// On 32-bit x86 the System V IPC calls and the socket calls can also be made
// through one number each, ipc and socketcall, with the call as the first
// argument and, for sockets, the rest in memory that a filter cannot read. A
// rule for such a call therefore also applies to its multiplexed form:
//
//   - a rule without conditions as it stands;
//   - rules with conditions, which cannot be checked there, only when one of
//     their actions is stricter than the default action; then the strictest
//     action applies to every such call. A conditional permission never
//     becomes an unconditional one.
//
// Rules that name ipc or socketcall themselves come first. libseccomp differs
// in the second point: it forgets conditions on the first argument, also those
// of permissions, and compares the others with something else.

// mux is a call of a multiplexer; the zero mux stands for the multiplexer.
type mux struct {
	nr   uint32 // of the multiplexer
	call uint32 // the value of the first argument
}

const (
	socketcall386 = 102 // arch/x86/entry/syscalls/syscall_32.tbl
	ipc386        = 117
)

// muxed are sorted by name; the numbers are those of include/uapi/linux/net.h
// and ipc.h.
var muxed = [...]struct {
	name string
	mux
}{
	{"accept", mux{socketcall386, 5}},
	{"accept4", mux{socketcall386, 18}},
	{"bind", mux{socketcall386, 2}},
	{"connect", mux{socketcall386, 3}},
	{"getpeername", mux{socketcall386, 7}},
	{"getsockname", mux{socketcall386, 6}},
	{"getsockopt", mux{socketcall386, 15}},
	{"listen", mux{socketcall386, 4}},
	{"msgctl", mux{ipc386, 14}},
	{"msgget", mux{ipc386, 13}},
	{"msgrcv", mux{ipc386, 12}},
	{"msgsnd", mux{ipc386, 11}},
	{"recv", mux{socketcall386, 10}},
	{"recvfrom", mux{socketcall386, 12}},
	{"recvmmsg", mux{socketcall386, 19}},
	{"recvmsg", mux{socketcall386, 17}},
	{"semctl", mux{ipc386, 3}},
	{"semget", mux{ipc386, 2}},
	{"semop", mux{ipc386, 1}},
	{"semtimedop", mux{ipc386, 4}},
	{"send", mux{socketcall386, 9}},
	{"sendmmsg", mux{socketcall386, 20}},
	{"sendmsg", mux{socketcall386, 16}},
	{"sendto", mux{socketcall386, 11}},
	{"setsockopt", mux{socketcall386, 14}},
	{"shmat", mux{ipc386, 21}},
	{"shmctl", mux{ipc386, 24}},
	{"shmdt", mux{ipc386, 22}},
	{"shmget", mux{ipc386, 23}},
	{"shutdown", mux{socketcall386, 13}},
	{"socket", mux{socketcall386, 1}},
	{"socketpair", mux{socketcall386, 8}},
}

// lookupMux returns the multiplexed form of a system call, or the zero mux.
func lookupMux(name string) mux {
	for i := range muxed {
		if muxed[i].name == name {
			return muxed[i].mux
		}
	}
	return mux{}
}

// condition holds for the calls of m. The kernel ignores the upper half of
// ipc's first argument, a version, when it dispatches (ipc/syscall.c).
func (m mux) condition() condition {
	c := condition{jump: unix.BPF_JEQ, mask: 1<<32 - 1, value: uint64(m.call)}
	if m.nr == ipc386 {
		c.mask = 1<<16 - 1
	}
	return c
}
