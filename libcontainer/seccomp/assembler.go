package seccomp

import "golang.org/x/sys/unix"

// An assembler writes a classic BPF program from its end to its beginning.
// Jumps of BPF only go forward, so whatever is jumped to has been written
// already and its distance is known.
type assembler struct {
	code    []unix.SockFilter // the last instruction first
	returns []returned
}

// A label is the index of an instruction in assembler.code.
type label int

// returned is the nearest BPF_RET of a value.
type returned struct {
	value uint32
	at    label
}

// maxJump is the range of a conditional jump, which has eight bits.
const maxJump = 255

func (a *assembler) push(code uint16, jt, jf uint8, k uint32) label {
	a.code = append(a.code, unix.SockFilter{Code: code, Jt: jt, Jf: jf, K: k})
	return a.top()
}

// top is the label of what was written last.
func (a *assembler) top() label { return label(len(a.code) - 1) }

// distance is the offset of a jump, written next, to l.
func (a *assembler) distance(l label) int { return len(a.code) - 1 - int(l) }

// load writes A = seccomp_data[off:off+4].
func (a *assembler) load(off uint32) label {
	return a.push(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, 0, 0, off)
}

// and writes A &= k.
func (a *assembler) and(k uint32) label {
	return a.push(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, 0, 0, k)
}

// ret returns the label of a BPF_RET of value, a new one when there is none
// within reach.
func (a *assembler) ret(value uint32) label {
	for i := range a.returns {
		r := &a.returns[i]
		if r.value != value {
			continue
		}
		if a.distance(r.at) >= maxJump {
			r.at = a.push(unix.BPF_RET|unix.BPF_K, 0, 0, value)
		}
		return r.at
	}
	at := a.push(unix.BPF_RET|unix.BPF_K, 0, 0, value)
	a.returns = append(a.returns, returned{value, at})
	return at
}

// branch writes a conditional jump that compares A with k.
func (a *assembler) branch(jump uint16, k uint32, yes, no label) label {
	yes = a.near(yes, maxJump-1) // what near writes for no lies in between
	no = a.near(no, maxJump)
	return a.push(unix.BPF_JMP|jump|unix.BPF_K, uint8(a.distance(yes)), uint8(a.distance(no)), k)
}

// near returns a label not further than reach that does what l does.
func (a *assembler) near(l label, reach int) label {
	if a.distance(l) <= reach {
		return l
	}
	if to := a.code[l]; to.Code == unix.BPF_RET|unix.BPF_K {
		return a.ret(to.K)
	}
	return a.push(unix.BPF_JMP|unix.BPF_JA, 0, 0, uint32(a.distance(l)))
}

// continueAt makes l what the next instruction written falls into.
func (a *assembler) continueAt(l label) {
	if l != a.top() {
		a.push(unix.BPF_JMP|unix.BPF_JA, 0, 0, uint32(a.distance(l)))
	}
}
