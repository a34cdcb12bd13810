package seccomp

import "golang.org/x/sys/unix"

// A leaf is what happens to a range of system call numbers: an action, or a
// chain of conditions.
type leaf struct {
	first   uint32 // the range ends before the next leaf
	action  uint32
	chain   label
	chained bool
}

// same reports whether two leaves do the same.
func (l leaf) same(m leaf) bool {
	l.first = m.first
	return l == m
}

// leaves cover all numbers, in ascending order.
type leaves []leaf

// add appends a leaf that begins at first, or widens the last one.
func (l *leaves) add(first uint64, x leaf) {
	x.first = uint32(first)
	if n := len(*l); n > 0 && (*l)[n-1].same(x) {
		return
	}
	*l = append(*l, x)
}

// tree writes a binary search among leaves for the number in A.
func (c *compiler) tree(l leaves) label {
	switch {
	case len(l) == 1 && l[0].chained:
		return l[0].chain
	case len(l) == 1:
		return c.ret(l[0].action)
	case len(l) == 3 && l[0].same(l[2]) && l[1].first+1 == l[2].first:
		// One number that stands out.
		out := c.tree(l[1:2])
		return c.branch(unix.BPF_JEQ, l[1].first, out, c.tree(l[:1]))
	}
	mid := len(l) / 2
	above := c.tree(l[mid:])
	return c.branch(unix.BPF_JGE, l[mid].first, above, c.tree(l[:mid]))
}
