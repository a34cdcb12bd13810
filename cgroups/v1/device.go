package v1

import (
	"fmt"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// A device is a set of devices of one type and what is done with them: a line of
// devices.list.
type device struct {
	kind         byte // 'c' or 'b'
	major, minor int64
	access       access
}

// every is a major or minor number that stands for all.
const every = -1

type access byte

const (
	accessRead access = 1 << iota
	accessWrite
	accessMknod
	rwm = accessRead | accessWrite | accessMknod
)

// parseRule returns the devices of a rule, those of each type by themselves. All is
// said of a rule for everything, which sets the policy. To the kernel, a rule of
// type "a" is always that, whatever else it says.
func parseRule(r *specs.LinuxDeviceCgroup) (parts []device, all bool, err error) {
	d := device{major: every, minor: every, access: rwm}
	if r.Access != "" {
		if d.access, err = parseAccess(r.Access); err != nil {
			return nil, false, err
		}
	}
	if d.major, err = deviceNumber("major", r.Major); err != nil {
		return nil, false, err
	}
	if d.minor, err = deviceNumber("minor", r.Minor); err != nil {
		return nil, false, err
	}
	switch r.Type {
	case "c", "b":
		d.kind = r.Type[0]
		return []device{d}, false, nil
	case "", "a":
		if d == (device{major: every, minor: every, access: rwm}) {
			return nil, true, nil
		}
		c, b := d, d
		c.kind, b.kind = 'c', 'b'
		return []device{c, b}, false, nil
	}
	return nil, false, fmt.Errorf("type: %q is not a, b or c", r.Type)
}

func parseAccess(s string) (access, error) {
	var a access
	for _, c := range s {
		switch c {
		case 'r':
			a |= accessRead
		case 'w':
			a |= accessWrite
		case 'm':
			a |= accessMknod
		default:
			return 0, fmt.Errorf("access: %q is not made of r, w and m", s)
		}
	}
	return a, nil
}

// deviceNumber returns a major or minor number. Clients write -1 for all.
func deviceNumber(name string, n *int64) (int64, error) {
	switch {
	case n == nil:
		return every, nil
	case *n < every || *n > 1<<32-1:
		return 0, fmt.Errorf("%s: %d is not the number of a device", name, *n)
	}
	return *n, nil
}

// parseDevice reads a line of devices.list, "c 1:3 rwm". It is not ok for
// "a *:* rwm".
func parseDevice(line string) (d device, ok bool) {
	kind, rest, _ := strings.Cut(line, " ")
	numbers, letters, _ := strings.Cut(rest, " ")
	major, minor, _ := strings.Cut(numbers, ":")
	if kind != "c" && kind != "b" {
		return d, false
	}
	d.kind = kind[0]
	var err error
	d.access, err = parseAccess(letters)
	return d, err == nil && parseNumber(major, &d.major) && parseNumber(minor, &d.minor)
}

func parseNumber(s string, n *int64) bool {
	if s == "*" {
		*n = every
		return true
	}
	var err error
	*n, err = strconv.ParseInt(s, 10, 64)
	return err == nil
}

// same reports whether both are of the same type and numbers: to the kernel * is a
// number, too.
func (d device) same(e device) bool {
	return d.kind == e.kind && d.major == e.major && d.minor == e.minor
}

// covers reports whether every device of e is one of d.
func (d device) covers(e device) bool {
	return d.kind == e.kind && (d.major == every || d.major == e.major) && (d.minor == every || d.minor == e.minor)
}

// overlaps reports whether some device can be in both.
func (d device) overlaps(e device) bool {
	same := func(a, b int64) bool { return a == b || a == every || b == every }
	return d.kind == e.kind && same(d.major, e.major) && same(d.minor, e.minor)
}

// String is the device as it is written to devices.allow.
func (d device) String() string {
	b := append(make([]byte, 0, 24), d.kind, ' ')
	b = append(appendNumber(b, d.major), ':')
	b = append(appendNumber(b, d.minor), ' ')
	for i, letter := range [...]byte{'r', 'w', 'm'} {
		if d.access&(1<<i) != 0 {
			b = append(b, letter)
		}
	}
	return string(b)
}

func appendNumber(b []byte, n int64) []byte {
	if n == every {
		return append(b, '*')
	}
	return strconv.AppendInt(b, n, 10)
}
