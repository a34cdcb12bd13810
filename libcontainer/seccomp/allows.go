package seccomp

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// A Word is an argument of a system call as far as it is known before the call is made.
type Word struct {
	Value uint64
	Known bool
}

// Allows reports whether the filter is certain to let a system call of this machine happen,
// in silence, whatever the arguments are that are not known. The others are 0.
func (f *Filter) Allows(nr uintptr, args ...Word) bool {
	return f.certain(nr, args, func(ret uint32) bool { return ret == unix.SECCOMP_RET_ALLOW })
}

// AllowsOrNotifies reports whether the filter is certain to let a system call happen, or to ask the
// agent about it, who may let it.
func (f *Filter) AllowsOrNotifies(nr uintptr, args ...Word) bool {
	return f.certain(nr, args, func(ret uint32) bool {
		return ret == unix.SECCOMP_RET_ALLOW || ret == unix.SECCOMP_RET_USER_NOTIF
	})
}

// certain reports whether the action is one of those, whatever the arguments are that are not known.
func (f *Filter) certain(nr uintptr, args []Word, lets func(action uint32) bool) bool {
	data := [4 + 2*maxArgs]word{0: {uint32(nr), true}, 1: {abis(runtime.GOARCH)[0].audit, true}}
	for i := range maxArgs {
		w := Word{Known: true}
		if i < len(args) {
			w = args[i]
		}
		data[4+2*i], data[5+2*i] = word{uint32(w.Value), w.Known}, word{uint32(w.Value >> 32), w.Known}
	}
	e := evaluation{f.Instructions, data, lets, map[state]bool{}}
	return e.allows(state{})
}

// word is a word of struct seccomp_data, or the accumulator.
type word struct {
	value uint32
	known bool
}

// state is where a filter stands: its jumps lead forward only.
type state struct {
	pc int
	a  word
}

type evaluation struct {
	code []unix.SockFilter
	data [4 + 2*maxArgs]word // struct seccomp_data, seccomp(2)
	lets func(action uint32) bool
	seen map[state]bool // both ways were taken from here
}

// allows reports whether every way from a state leads to an action that lets the call happen.
func (e *evaluation) allows(s state) bool {
	for s.pc < len(e.code) {
		in := e.code[s.pc]
		s.pc++
		switch in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			if int(in.K/4) >= len(e.data) {
				return false
			}
			s.a = e.data[in.K/4]
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			s.a.value &= in.K
		case unix.BPF_JMP | unix.BPF_JA:
			s.pc += int(in.K)
		case unix.BPF_RET | unix.BPF_K:
			return e.lets(in.K & unix.SECCOMP_RET_ACTION_FULL)
		default:
			holds, ok := compare(in, s.a.value)
			if !ok {
				return false
			}
			yes, no := s, s
			yes.pc, no.pc = s.pc+int(in.Jt), s.pc+int(in.Jf)
			switch {
			case !s.a.known:
				if e.seen[s] { // unless it was allowed nobody would ask any more
					return true
				}
				e.seen[s] = true
				if !e.allows(yes) {
					return false
				}
				s = no
			case holds:
				s = yes
			default:
				s = no
			}
		}
	}
	return false
}

// compare makes the comparison of a conditional jump, if it is one that filters have.
func compare(in unix.SockFilter, a uint32) (holds, ok bool) {
	switch in.Code {
	case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
		return a == in.K, true
	case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
		return a > in.K, true
	case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
		return a >= in.K, true
	}
	return false, false
}
