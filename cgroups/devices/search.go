package devices

import (
	"cmp"
	"slices"

	"github.com/rung-oci/rung/cgroups/devices/ebpf"
)

// A branch is where to go on for a number.
type branch struct {
	value uint32
	to    ebpf.Label
}

// majors looks the major number up, and goes on at rest if it is not there.
func (c *compiler) majors(list []Exception, rest ebpf.Label) {
	if len(list) == 0 {
		return
	}
	var branches []branch
	below := map[int64][]Exception{}
	for _, e := range list {
		if below[e.Major] = append(below[e.Major], e); len(below[e.Major]) == 1 {
			branches = append(branches, branch{uint32(e.Major), c.NewLabel()})
		}
	}
	for i, b := range branches { // nothing to be looked at below the number
		if group := below[int64(b.value)]; len(group) == 1 && group[0].Minor == Every && c.always(group[0].Access) {
			branches[i].to = c.exception
		}
	}
	c.Comment("major numbers")
	c.Add(ebpf.Load{Dst: major, Size: ebpf.Word, Offset: offsetMajor})
	c.search(major, branches, rest)
	for _, b := range branches {
		if b.to != c.exception {
			c.land(b.to)
			c.minors(below[int64(b.value)], rest)
		}
	}
}

// always reports whether every access is one that an exception with this access is about.
func (c *compiler) always(a Access) bool { return !c.allowed && a == All }

// minors looks at what is said below one major number.
func (c *compiler) minors(list []Exception, rest ebpf.Label) {
	if len(list) == 1 && list[0].Minor == Every {
		c.Comment(list[0].String())
		c.exceptsOr(list[0].Access, rest)
		return
	}
	var branches []branch
	to := map[Access]ebpf.Label{} // where an access is tested
	for _, e := range list {
		if e.Minor == Every {
			c.Comment(e.String())
			c.excepts(e.Access)
			continue
		}
		if _, ok := to[e.Access]; !ok {
			to[e.Access] = c.exception
			if !c.always(e.Access) {
				to[e.Access] = c.NewLabel()
			}
		}
		branches = append(branches, branch{uint32(e.Minor), to[e.Access]})
	}
	c.Comment("minor numbers of major " + number(list[0].Major))
	c.Add(ebpf.Load{Dst: minor, Size: ebpf.Word, Offset: offsetMinor})
	c.search(minor, branches, rest)
	for a := range All + 1 {
		if l, ok := to[a]; ok && l != c.exception {
			c.land(l)
			c.Comment("for " + a.String())
			c.exceptsOr(a, rest)
		}
	}
}

// linear is how many numbers are compared one after the other.
const linear = 4

// search goes on where the register's number has its branch, at otherwise if it has none.
// Many are sorted and halved again and again.
func (c *compiler) search(r ebpf.Register, branches []branch, otherwise ebpf.Label) {
	if len(branches) > 2*linear {
		slices.SortFunc(branches, func(a, b branch) int { return cmp.Compare(a.value, b.value) })
		half := len(branches) / 2
		upper := c.NewLabel()
		c.Add(ebpf.JumpIf{Condition: ebpf.Greater, Left: r, Right: branches[half-1].value, To: upper})
		c.search(r, branches[:half], otherwise)
		c.Place(upper)
		c.search(r, branches[half:], otherwise)
		return
	}
	for _, b := range branches {
		c.Add(ebpf.JumpIf{Condition: ebpf.Equal, Left: r, Right: b.value, To: b.to})
	}
	c.Add(ebpf.Jump{To: otherwise})
}
