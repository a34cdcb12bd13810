package seccomp

import (
	"fmt"
	"math/bits"

	"golang.org/x/sys/unix"
)

// checkConflicts refuses rules for one call of which several may hold at once and say
// different things. Which of them decides would depend on the order in which they are
// looked at: here that of the profile, in libseccomp that of its tree, in which it sorts the
// arguments and what they are compared with, and which an author cannot foresee.
// libseccomp itself only refuses the same conditions, given twice (EEXIST).
//
// Where the rule that comes first, and so decides, is the stricter one, nothing is open that the
// profile closes: that is taken. The profile of containers-common denies socket AF_VSOCK and
// then allows all that are not AF_NETLINK.
func (c *compiler) checkConflicts(a *abi, rules []bound) error {
	if len(rules) > unix.BPF_MAXINSNS { // each takes an instruction and more
		return fmt.Errorf("syscalls: %d rules for %s, more than the %d instructions that the kernel takes",
			len(rules), rules[0].named.name, unix.BPF_MAXINSNS)
	}
	for i, x := range rules {
		for _, y := range rules[:i] {
			decides, other := y.rule.action, x.rule.action
			unclear := decides != other && (stricter(decides, other) != decides || sameKind(decides, other))
			if unclear && canBothHold(a, x.rule.conditions, y.rule.conditions) {
				return fmt.Errorf("syscalls[%d]: a call of %s can meet its conditions and those of syscalls[%d] "+
					"at once, but the actions differ", x.named.entry.index, x.named.name, y.named.entry.index)
			}
		}
	}
	return nil
}

// sameKind reports whether two actions differ in their data alone, an errno mostly: none is stricter.
func sameKind(a, b uint32) bool { return (a^b)&unix.SECCOMP_RET_ACTION_FULL == 0 }

// canBothHold reports whether there are arguments for which the conditions of two rules
// hold. Those of each are about different arguments.
func canBothHold(a *abi, x, y []condition) bool {
	greatest := uint64(1<<64 - 1)
	if !a.wide {
		greatest = 1<<32 - 1
	}
	for _, p := range x {
		for _, q := range y {
			if !a.wide {
				p, q = p.narrow(), q.narrow()
			}
			if p.arg == q.arg && !p.meets(q, greatest) {
				return false
			}
		}
	}
	return true
}

// meets reports whether both conditions hold for one value up to greatest, which is a
// power of two less one.
func (c condition) meets(d condition, greatest uint64) bool {
	p, q := c.values(greatest), d.values(greatest)
	switch {
	case p.not != nil && q.not != nil:
		return true // for all but two values
	case p.not != nil:
		return q.hasOther(*p.not)
	case q.not != nil:
		return p.hasOther(*q.not)
	case (p.value^q.value)&p.mask&q.mask != 0:
		return false
	}
	both := values{low: max(p.low, q.low), high: min(p.high, q.high), mask: p.mask | q.mask, value: p.value | q.value}
	_, ok := both.from(both.low)
	return ok
}

// values are those for which a condition holds: from low to high, with the bits of mask
// being those of value; or all but one.
type values struct {
	low, high, mask, value uint64
	not                    *uint64
}

func (c condition) values(greatest uint64) values {
	v := values{high: greatest}
	switch {
	case c.jump == unix.BPF_JEQ && c.negated:
		v.not = &c.value
	case c.jump == unix.BPF_JEQ:
		v.mask, v.value = c.mask&greatest, c.value&greatest
	case c.jump == unix.BPF_JGT && !c.negated:
		v.low = c.value + 1
		if c.value == greatest {
			v.low, v.high = 1, 0
		}
	case c.jump == unix.BPF_JGT:
		v.high = c.value
	case !c.negated:
		v.low = c.value
	case c.value == 0:
		v.low, v.high = 1, 0
	default:
		v.high = c.value - 1
	}
	return v
}

// hasOther reports whether there is a value besides this one.
func (v values) hasOther(than uint64) bool {
	first, ok := v.from(v.low)
	if ok && first == than {
		ok = first < v.high
		if ok {
			_, ok = v.from(first + 1)
		}
	}
	return ok
}

// from returns the least value from low on.
func (v values) from(low uint64) (uint64, bool) {
	x := low
	if wrong := (low ^ v.value) & v.mask; wrong != 0 {
		// The highest bit that is wrong stays, or becomes, what it has to be. If it has to
		// become 0, a free bit above has to become 1 for that.
		top := uint64(1) << (bits.Len64(wrong) - 1)
		if v.value&top == 0 {
			free := ^v.mask & ^low & ^(top<<1 - 1)
			if free == 0 {
				return 0, false
			}
			top = free & -free
		}
		x = (low|top)&^(top-1) | v.value&(top-1)
	}
	return x, x >= low && x <= v.high
}
