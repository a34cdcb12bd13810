package seccomp

import (
	"slices"

	"golang.org/x/sys/unix"
)

// On 32-bit x86, and on some other ABIs, the System V IPC calls and the socket calls can also be made
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
	nr   uint32 // of the multiplexer, behind the ABI's base
	call uint32 // the value of the first argument
}

const (
	numberSocketcall = 102 // on all ABIs that have it
	numberIPC        = 117
)

// The calls of each multiplexer, in the places that are their numbers (include/uapi/linux/net.h, ipc.h).
var (
	socketcalls = [...]string{
		1: "socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername", "socketpair", "send", "recv",
		"sendto", "recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg",
		"sendmmsg",
	}
	ipcs = [...]string{
		1: "semop", "semget", "semctl", "semtimedop",
		11: "msgsnd", "msgrcv", "msgget", "msgctl",
		21: "shmat", "shmdt", "shmget", "shmctl",
	}
)

// lookupMux returns the multiplexed form of a system call, or the zero mux.
func lookupMux(name string) mux {
	if call := slices.Index(socketcalls[:], name); call > 0 {
		return mux{numberSocketcall, uint32(call)}
	}
	if call := slices.Index(ipcs[:], name); call > 0 {
		return mux{numberIPC, uint32(call)}
	}
	return mux{}
}

// condition holds for the calls of m. The kernel ignores the upper half of
// ipc's first argument, a version, when it dispatches (ipc/syscall.c).
func (m mux) condition() condition {
	c := condition{jump: unix.BPF_JEQ, mask: 1<<32 - 1, value: uint64(m.call)}
	if m.nr == numberIPC {
		c.mask = 1<<16 - 1
	}
	return c
}
