package devices

import (
	"slices"

	"github.com/rung-oci/rung/cgroups/devices/ebpf"
)

// The context of the program, linux/bpf.h, struct bpf_cgroup_dev_ctx: access<<16 | type,
// major, minor, 32 bits each. The halves of the first are where little endian has them: the kernel knows
// such loads, and rung only machines of little endian.
const (
	offsetType   = 0
	offsetAccess = 2
	offsetMajor  = 4
	offsetMinor  = 8
)

// The registers of the program.
const (
	access = ebpf.R2
	kind   = ebpf.R3
	major  = ebpf.R4
	minor  = ebpf.R5
)

// program returns the letters of an access as the program is told of them,
// BPF_DEVCG_ACC_MKNOD, _READ and _WRITE.
func (a Access) program() (bits uint32) {
	for i, bit := range [...]Access{Mknod, Read, Write} {
		if a&bit != 0 {
			bits |= 1 << i
		}
	}
	return bits
}

// kindNumber is BPF_DEVCG_DEV_BLOCK or _CHAR.
func kindNumber(kind byte) uint32 {
	if kind == 'b' {
		return 1
	}
	return 2
}

// Compile returns the program of type BPF_PROG_TYPE_CGROUP_DEVICE that decides as the List does.
// Its result is 1 for what is allowed.
//
// The kernel runs it whenever a device is opened, so that it is short for those that
// every program opens: it looks at the type, at what is said of all devices of it, and
// then searches for the major number and for the minor one below it. The exceptions that have holes come last.
func (l *List) Compile() *ebpf.Program {
	c := compiler{Program: new(ebpf.Program), allowed: l.Allowed}
	if l.AllowsEverything() { // nobody loads that
		c.result(true)
		return c.Program
	}
	c.exception, c.policy = c.NewLabel(), c.NewLabel()
	c.kinds(l.effective('c'), l.effective('b'))
	c.land(c.policy)
	if c.Falls() {
		c.result(l.Allowed)
	}
	c.land(c.exception)
	if c.Falls() {
		c.result(!l.Allowed)
	}
	return c.Program
}

// effective are the exceptions of one type, without those that another one makes
// superfluous.
func (l *List) effective(kind byte) (list []Exception) {
	for _, e := range l.Exceptions {
		superfluous := slices.ContainsFunc(l.Exceptions, func(f Exception) bool {
			return f.Covers(e.Device) && e.Access&^f.Access == 0 && len(f.Holes) == 0 && !f.Same(e.Device)
		})
		if e.Kind == kind && !superfluous {
			list = append(list, e)
		}
	}
	return list
}

type compiler struct {
	*ebpf.Program
	allowed           bool // the policy
	exception, policy ebpf.Label
}

func (c *compiler) result(allowed bool) {
	value := uint32(0)
	if allowed {
		value = 1
		c.Comment("allowed")
	} else {
		c.Comment("denied")
	}
	c.Add(ebpf.Set{Dst: ebpf.R0, Value: value}, ebpf.Exit{})
}

// land places a label, to which a jump right before it would be none.
func (c *compiler) land(l ebpf.Label) {
	if n := len(c.Instructions); n > 0 && c.Instructions[n-1] == (ebpf.Jump{To: l}) {
		c.Instructions = c.Instructions[:n-1]
	}
	c.Place(l)
}

// kinds decides by the type of a device.
func (c *compiler) kinds(char, block []Exception) {
	if len(char)+len(block) == 0 {
		return
	}
	c.Comment("the access: 1 makes a node, 2 reads, 4 writes; the type: 1 is a block device, 2 a character device")
	c.Add(ebpf.Load{Dst: access, Size: ebpf.Half, Offset: offsetAccess},
		ebpf.Load{Dst: kind, Size: ebpf.Half, Offset: offsetType})
	if len(char) == 0 {
		c.Add(ebpf.JumpIf{Condition: ebpf.NotEqual, Left: kind, Right: kindNumber('b'), To: c.policy})
		c.devices(block)
		return
	}
	other := c.policy
	if len(block) > 0 {
		other = c.NewLabel()
	}
	c.Add(ebpf.JumpIf{Condition: ebpf.NotEqual, Left: kind, Right: kindNumber('c'), To: other})
	c.devices(char)
	if len(block) > 0 {
		c.Place(other)
		c.devices(block)
	}
}

// devices decides about the devices of one type, and does not go on behind that.
func (c *compiler) devices(list []Exception) {
	var holed, wide, narrow []Exception
	for _, e := range list {
		switch {
		case len(e.Holes) > 0:
			holed = append(holed, e)
		case e.Major == Every:
			wide = append(wide, e)
		default:
			narrow = append(narrow, e)
		}
	}
	c.wide(wide)
	if !c.Falls() {
		return
	}
	rest := c.policy
	if len(holed) > 0 {
		rest = c.NewLabel()
	}
	c.majors(narrow, rest)
	if len(holed) > 0 {
		c.land(rest)
		c.Comment("exceptions with holes")
		c.Add(ebpf.Load{Dst: major, Size: ebpf.Word, Offset: offsetMajor},
			ebpf.Load{Dst: minor, Size: ebpf.Word, Offset: offsetMinor})
		for _, e := range holed {
			c.holed(e)
		}
	}
	if c.Falls() {
		c.Add(ebpf.Jump{To: c.policy})
	}
}

// wide tests exceptions for every major number, the one for all devices first.
func (c *compiler) wide(list []Exception) {
	for _, e := range list {
		if e.Minor == Every {
			c.Comment(e.String())
			c.excepts(e.Access)
		}
	}
	loaded := false
	for _, e := range list {
		if e.Minor == Every {
			continue
		}
		c.Comment(e.String())
		if !loaded {
			c.Add(ebpf.Load{Dst: minor, Size: ebpf.Word, Offset: offsetMinor})
			loaded = true
		}
		next := c.NewLabel()
		c.Add(ebpf.JumpIf{Condition: ebpf.NotEqual, Left: minor, Right: uint32(e.Minor), To: next})
		c.excepts(e.Access)
		c.Place(next)
	}
}

// excepts goes to the exception if the access is one that an exception with this access
// is about, and on otherwise.
func (c *compiler) excepts(a Access) {
	switch {
	case c.allowed:
		c.Add(ebpf.JumpIf{Condition: ebpf.AnyBit, Left: access, Right: a.program(), To: c.exception})
	case a == All:
		c.Add(ebpf.Jump{To: c.exception})
	default:
		next := c.NewLabel()
		c.Add(ebpf.JumpIf{Condition: ebpf.AnyBit, Left: access, Right: (All &^ a).program(), To: next},
			ebpf.Jump{To: c.exception})
		c.Place(next)
	}
}

// exceptsOr goes to the exception as excepts does, and to the label otherwise.
func (c *compiler) exceptsOr(a Access, otherwise ebpf.Label) {
	if c.allowed || a == All {
		c.excepts(a)
	} else {
		c.Add(ebpf.JumpIf{Condition: ebpf.AnyBit, Left: access, Right: (All &^ a).program(), To: otherwise},
			ebpf.Jump{To: c.exception})
	}
	if c.Falls() {
		c.Add(ebpf.Jump{To: otherwise})
	}
}

// holed tests an exception with holes. R0 holds what it is about, of this device.
func (c *compiler) holed(e Exception) {
	c.Comment(e.String())
	next := c.NewLabel()
	c.unless(e.Device, Device{Major: Every, Minor: Every}, next)
	c.Add(ebpf.Set{Dst: ebpf.R0, Value: e.Access.program()})
	for _, h := range e.Holes {
		c.Comment("but not " + h.String())
		miss := c.NewLabel()
		c.unless(h, e.Device, miss)
		c.Add(ebpf.And{Dst: ebpf.R0, Mask: (All &^ h.Access).program()})
		c.Place(miss)
	}
	if c.allowed {
		c.Add(ebpf.JumpIfRegister{Condition: ebpf.AnyBit, Left: ebpf.R0, Right: access, To: c.exception})
	} else {
		c.Add(ebpf.AndRegister{Dst: ebpf.R0, Src: access},
			ebpf.JumpIfRegister{Condition: ebpf.Equal, Left: ebpf.R0, Right: access, To: c.exception})
	}
	c.Place(next)
}

// unless goes to the label if the device is none of d's, where it is known to be one of known.
func (c *compiler) unless(d, known Device, to ebpf.Label) {
	for _, n := range [...]struct {
		register    ebpf.Register
		value, same int64
	}{{major, d.Major, known.Major}, {minor, d.Minor, known.Minor}} {
		if n.value != n.same {
			c.Add(ebpf.JumpIf{Condition: ebpf.NotEqual, Left: n.register, Right: uint32(n.value), To: to})
		}
	}
}
