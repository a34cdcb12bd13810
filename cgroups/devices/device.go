package devices

import (
	"fmt"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// A Device is a set of devices of one type and what is done with them: a line of
// devices.list of cgroup v1.
type Device struct {
	Kind         byte  // 'c' or 'b'
	Major, Minor int64 // or Every
	Access       Access
}

// Every is a major or minor number that stands for all.
const Every = -1

// Access is what is done with a device: a set of Read, Write and Mknod.
type Access byte

// To open for reading or writing, and to make a node.
const (
	Read Access = 1 << iota
	Write
	Mknod
	All = Read | Write | Mknod
)

// parseRule returns the devices of a rule, those of each type by themselves. Everything is
// said of a rule that sets the policy. To cgroup v1, a rule of
// type "a" is always that, whatever else it says.
func parseRule(r *specs.LinuxDeviceCgroup) (parts []Device, everything bool, err error) {
	d := Device{Major: Every, Minor: Every, Access: All}
	if r.Access != "" {
		if d.Access, err = parseAccess(r.Access); err != nil {
			return nil, false, err
		}
	}
	if d.Major, err = deviceNumber("major", r.Major); err != nil {
		return nil, false, err
	}
	if d.Minor, err = deviceNumber("minor", r.Minor); err != nil {
		return nil, false, err
	}
	switch r.Type {
	case "c", "b":
		d.Kind = r.Type[0]
		return []Device{d}, false, nil
	case "", "a":
		if d == (Device{Major: Every, Minor: Every, Access: All}) {
			return nil, true, nil
		}
		c, b := d, d
		c.Kind, b.Kind = 'c', 'b'
		return []Device{c, b}, false, nil
	}
	return nil, false, fmt.Errorf("type: %q is not a, b or c", r.Type)
}

func parseAccess(s string) (Access, error) {
	var a Access
	for _, c := range s {
		switch c {
		case 'r':
			a |= Read
		case 'w':
			a |= Write
		case 'm':
			a |= Mknod
		default:
			return 0, fmt.Errorf("access: %q is not made of r, w and m", s)
		}
	}
	return a, nil
}

// deviceNumber returns a major or minor number. Clients write -1 for all. The kernel has
// 32 bits for one, and the largest of them means all, too: that is refused, since nobody
// who writes 4294967295 means all.
func deviceNumber(name string, n *int64) (int64, error) {
	switch {
	case n == nil:
		return Every, nil
	case *n < Every || *n >= 1<<32-1:
		return 0, fmt.Errorf("%s: %d is not the number of a device", name, *n)
	}
	return *n, nil
}

// Parse reads a line of devices.list, "c 1:3 rwm". It is not ok for
// "a *:* rwm".
func Parse(line string) (d Device, ok bool) {
	kind, rest, _ := strings.Cut(line, " ")
	numbers, letters, _ := strings.Cut(rest, " ")
	major, minor, _ := strings.Cut(numbers, ":")
	if kind != "c" && kind != "b" {
		return d, false
	}
	d.Kind = kind[0]
	var err error
	d.Access, err = parseAccess(letters)
	return d, err == nil && parseNumber(major, &d.Major) && parseNumber(minor, &d.Minor)
}

func parseNumber(s string, n *int64) bool {
	if s == "*" {
		*n = Every
		return true
	}
	var err error
	*n, err = strconv.ParseInt(s, 10, 64)
	return err == nil
}

// Same reports whether both are of the same type and numbers: to the kernel * is a
// number, too.
func (d Device) Same(e Device) bool {
	return d.Kind == e.Kind && d.Major == e.Major && d.Minor == e.Minor
}

// Covers reports whether every device of e is one of d.
func (d Device) Covers(e Device) bool {
	return d.Kind == e.Kind && (d.Major == Every || d.Major == e.Major) && (d.Minor == Every || d.Minor == e.Minor)
}

// overlaps reports whether some device can be in both.
func (d Device) overlaps(e Device) bool {
	same := func(a, b int64) bool { return a == b || a == Every || b == Every }
	return d.Kind == e.Kind && same(d.Major, e.Major) && same(d.Minor, e.Minor)
}

// common is what is in both, if they overlap.
func (d Device) common(e Device) Device {
	// Every is the smallest
	return Device{d.Kind, max(d.Major, e.Major), max(d.Minor, e.Minor), d.Access & e.Access}
}

// String is the device as it is written to devices.allow.
func (d Device) String() string {
	b := append(make([]byte, 0, 24), d.Kind, ' ')
	b = append(appendNumber(b, d.Major), ':')
	b = append(appendNumber(b, d.Minor), ' ')
	return string(append(b, d.Access.String()...))
}

// String is made of the letters r, w and m.
func (a Access) String() string {
	var b []byte
	for i, letter := range [...]byte{'r', 'w', 'm'} {
		if a&(1<<i) != 0 {
			b = append(b, letter)
		}
	}
	return string(b)
}

// number is a major or minor number for people.
func number(n int64) string { return string(appendNumber(nil, n)) }

func appendNumber(b []byte, n int64) []byte {
	if n == Every {
		return append(b, '*')
	}
	return strconv.AppendInt(b, n, 10)
}
