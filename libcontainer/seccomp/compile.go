package seccomp

import (
	"fmt"
	"iter"
	"slices"

	"golang.org/x/sys/unix"
)

// A compiler turns a profile into a program. First it binds the rules to the
// system call numbers of each ABI; then it writes, for each ABI from the last
// to the first, the chains of conditions and the search for the number.
type compiler struct {
	profile
	assembler
	unsorted, rules   []bound // of the ABI being compiled
	keys              []uint64
	dropped, shadowed names
	err               error // the first
}

// names are in the order in which they were added, each once.
type names struct {
	list []string
	has  map[string]bool
}

func (n *names) add(s string) {
	if n.has[s] {
		return
	}
	if n.has == nil {
		n.has = map[string]bool{}
	}
	n.has[s] = true
	n.list = append(n.list, s)
}

// bound is a rule for a number. call is the one of a multiplexer when the rule
// was given for the multiplexed form, else 0.
type bound struct {
	nr, call uint32
	named    *named
	rule     *rule
}

func newCompiler(p profile) *compiler {
	c := &compiler{profile: p}
	c.code = make([]unix.SockFilter, 0, 512)
	return c
}

// compile writes:
//
//	      load arch
//	      if arch == the native one: goto its search
//	      if arch == another:        goto its search
//	      return badArch
//	search for each arch:
//	      load nr
//	      binary search, its leaves are returns and chains of conditions
func (c *compiler) compile(native []abi) []unix.SockFilter {
	rows := c.lookupNames(native)
	type search struct {
		audit uint32
		at    label
	}
	var searches []search
	for last := len(native); last > 0; {
		first := last - 1 // x32 goes with the ABI before it
		for first > 0 && native[first-1].audit == native[first].audit {
			first--
		}
		if slices.Contains(c.abis[first:last], true) {
			searches = append(searches, search{native[first].audit, c.search(native, first, last, rows)})
		}
		last = first
	}
	next := c.ret(badArch)
	for _, s := range searches {
		next = c.branch(unix.BPF_JEQ, s.audit, s.at, next)
	}
	c.load(offArch)
	slices.Reverse(c.code)
	return c.code
}

// named is a name of a profile's entry with what is known about it.
type named struct {
	name  string
	entry *entry
	row   *sysent
	mux   mux
}

// lookupNames looks up each name of the profile once and collects those that
// no listed ABI knows.
func (c *compiler) lookupNames(native []abi) []named {
	count := 0
	for i := range c.entries {
		count += len(c.entries[i].names)
	}
	rows := make([]named, 0, count)
	c.unsorted, c.rules, c.keys = make([]bound, 0, count), make([]bound, 0, count), make([]uint64, 0, count)
	for i := range c.entries {
		for _, name := range c.entries[i].names {
			n := named{name: name, entry: &c.entries[i], row: lookup(name), mux: lookupMux(name)}
			if !c.knows(native, n) {
				c.dropped.add(name)
				continue
			}
			rows = append(rows, n)
		}
	}
	return rows
}

func (c *compiler) knows(native []abi, n named) bool {
	for i := range native {
		for range n.numbers(&native[i]) {
			if c.abis[i] {
				return true
			}
		}
	}
	return false
}

// numbers ranges over the numbers by which an ABI knows the name: its own, with 0, and a multiplexer's,
// with the call.
func (n *named) numbers(a *abi) iter.Seq2[uint32, uint32] {
	return func(yield func(nr, call uint32) bool) {
		if n.row != nil {
			if nr, ok := a.number(n.row); ok && !yield(nr, 0) {
				return
			}
		}
		if a.multiplexed && n.mux.call != 0 {
			yield(a.base+n.mux.nr, n.mux.call)
		}
	}
}

// search writes the search for the ABIs native[first:last], which share an
// audit value, and returns its label.
func (c *compiler) search(native []abi, first, last int, rows []named) label {
	all := make(leaves, 0, 256)
	for i := first; i < last; i++ {
		if c.abis[i] {
			c.addABI(&all, &native[i], rows)
			continue
		}
		all.add(uint64(native[i].first), leaf{action: badArch})
		if i > first {
			// No call has the number -1, so it belongs to no ABI. A tracer
			// sets it to have a call skipped. libseccomp excepts it as well.
			all.add(uint64(native[i].last), leaf{action: c.afterLast(c.horizon(&native[first], rows))})
		}
	}
	c.continueAt(c.tree(all))
	return c.load(offNr)
}

// addABI adds the leaves of one ABI.
func (c *compiler) addABI(to *leaves, a *abi, rows []named) {
	c.bind(a, rows)
	horizon := c.horizon(a, rows)
	next := uint64(a.first)
	for rules := c.rules; len(rules) > 0 && c.err == nil; {
		n := 1
		for n < len(rules) && rules[n].nr == rules[0].nr {
			n++
		}
		nr := uint64(rules[0].nr)
		c.unnamed(to, a, horizon, next, nr)
		to.add(nr, c.decide(a, rules[:n]))
		next = nr + 1
		rules = rules[n:]
	}
	c.unnamed(to, a, horizon, next, uint64(a.last)+1)
}

// bind fills c.rules with the rules for the calls of an ABI, sorted by number,
// those for one number in the order of the profile.
func (c *compiler) bind(a *abi, rows []named) {
	c.unsorted = c.unsorted[:0]
	for k := range rows {
		n := &rows[k]
		for i := range n.entry.rules {
			r := &n.entry.rules[i]
			if r.action == c.defaultAction {
				continue
			}
			for nr, call := range n.numbers(a) {
				c.unsorted = append(c.unsorted, bound{nr, call, n, r})
			}
		}
	}
	c.sort()
}

// sort makes c.rules of c.unsorted. Sorting integers is several times faster
// than sorting what they stand for: the number, the call of a multiplexer (less
// than 32), and the place in the profile.
func (c *compiler) sort() {
	const placeBits = 27
	c.keys = c.keys[:0]
	for i, r := range c.unsorted {
		c.keys = append(c.keys, uint64(r.nr)<<32|uint64(r.call)<<placeBits|uint64(i))
	}
	slices.Sort(c.keys)
	c.rules = c.rules[:0]
	for _, key := range c.keys {
		c.rules = append(c.rules, c.unsorted[key&(1<<placeBits-1)])
	}
}

// horizon returns the greatest number that the profile names on an ABI, also
// in rules with the default action, or 0.
func (c *compiler) horizon(a *abi, rows []named) uint32 {
	var horizon uint32
	for i := range rows {
		for nr := range rows[i].numbers(a) {
			if !a.apart.contains(nr) {
				horizon = max(horizon, nr)
			}
		}
	}
	return horizon
}

// afterLast is the action for calls that are newer than the horizon. Without
// one, nothing is known about the age of the profile.
func (c *compiler) afterLast(horizon uint32) uint32 {
	if horizon == 0 || permits(c.defaultAction) {
		return c.defaultAction
	}
	return unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
}

// unnamed adds the leaves for the numbers first ≤ nr < end, which have no rule.
func (c *compiler) unnamed(to *leaves, a *abi, horizon uint32, first, end uint64) {
	add := func(from, before uint64, action uint32) {
		if from = max(from, first); from < min(before, end) {
			to.add(from, leaf{action: action})
		}
	}
	newer := uint64(horizon) + 1
	add(0, newer, c.defaultAction)
	if a.apart.last == 0 {
		add(newer, 1<<32, c.afterLast(horizon))
		return
	}
	add(newer, uint64(a.apart.first), c.afterLast(horizon))
	add(uint64(a.apart.first), uint64(a.apart.last)+1, c.defaultAction)
	add(uint64(a.apart.last)+1, 1<<32, c.afterLast(horizon))
}

// decide makes the leaf of one number from its rules, at least one.
func (c *compiler) decide(a *abi, rules []bound) leaf {
	own := 0
	for own < len(rules) && rules[own].call == 0 {
		own++
	}
	if action, ok := c.unconditional(a, rules[:own]); ok {
		return leaf{action: action}
	}
	if err := c.checkConflicts(a, rules[:own]); err != nil {
		c.err = err
		return leaf{}
	}
	next := c.ret(c.defaultAction)
	chained := next
	for _, group := range slices.Backward(groups(rules[own:])) {
		next = c.multiplexed(a, group, next)
	}
	for _, r := range slices.Backward(rules[:own]) {
		next = c.rule(a, r.rule.conditions, r.rule.action, next)
	}
	if next == chained {
		return leaf{action: c.defaultAction}
	}
	if n := len(c.code); n > unix.BPF_MAXINSNS { // and there is no end of what may follow
		c.err = fmt.Errorf("syscalls: the filter has more than %d instructions, the kernel takes %d",
			n, unix.BPF_MAXINSNS)
	}
	return leaf{chain: next, chained: true}
}

// groups splits the rules for a multiplexer by the call.
func groups(rules []bound) [][]bound {
	var out [][]bound
	for len(rules) > 0 {
		n := 1
		for n < len(rules) && rules[n].call == rules[0].call {
			n++
		}
		out = append(out, rules[:n])
		rules = rules[n:]
	}
	return out
}

// unconditional returns the action of the first rule without conditions.
func (c *compiler) unconditional(a *abi, rules []bound) (action uint32, ok bool) {
	i := slices.IndexFunc(rules, func(b bound) bool { return always(a, b.rule.conditions) })
	if i < 0 {
		return 0, false
	}
	action = rules[i].rule.action
	for _, r := range rules {
		if r.rule.action != action {
			c.shadowed.add(r.named.name)
		}
	}
	return action, true
}

// always reports whether conditions hold for all arguments: there are none, or only
// comparisons of no bits.
func always(a *abi, conditions []condition) bool {
	return !slices.ContainsFunc(conditions, func(x condition) bool {
		if !a.wide {
			x = x.narrow()
		}
		return x.mask != 0
	})
}

// multiplexed writes the test for one call of a multiplexer; see multiplex.go.
func (c *compiler) multiplexed(a *abi, rules []bound, next label) label {
	action, ok := c.unconditional(a, rules)
	if !ok {
		action = c.defaultAction
		for _, r := range rules {
			action = stricter(action, r.rule.action)
		}
	}
	if action == c.defaultAction {
		return next
	}
	return c.rule(a, []condition{rules[0].named.mux.condition()}, action, next)
}

// rule writes conditions that lead to action, or on to next.
func (c *compiler) rule(a *abi, conditions []condition, action uint32, next label) label {
	at := c.ret(action)
	for _, x := range slices.Backward(conditions) {
		if !a.wide {
			x = x.narrow()
		}
		at = x.assemble(&c.assembler, a, at, next)
	}
	return at
}
