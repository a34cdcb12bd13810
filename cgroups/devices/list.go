package devices

import "slices"

// A List is what rules come to, as cgroup v1 keeps it: a policy for all devices, and the
// exceptions from it. Whoever opens a device or makes its node asks for an access, which is
// allowed or not as a whole:
//
//   - where the policy denies, one exception has to have all of the access: two of which one
//     allows reading and the other writing do not allow opening for both;
//   - where it allows, no exception may have any of the access.
//
// That is security/device_cgroup.c. What cgroup v1 has not are the holes of an exception.
//
// The zero List denies everything.
type List struct {
	Allowed    bool // the policy
	Exceptions []Exception

	asked   bool     // there are rules
	denied  []Device // what rules that are narrower than the denial of everything denied
	grounds string   // the types of which all devices were denied or allowed at once
}

// An Exception is that the devices are not treated as by the policy, but for its holes:
// devices of its own that are, as later rules say. No two exceptions of a List are the Same, nor are two holes.
type Exception struct {
	Device
	Holes []Device
}

// reset sets a new policy, which has no exceptions.
func (l *List) reset(allow bool) { l.Allowed, l.Exceptions, l.grounds = allow, nil, "bc" }

// Add adds an exception. There is one for each type and pair of numbers.
func (l *List) Add(r Device) {
	for i := range l.Exceptions {
		e := &l.Exceptions[i]
		if !e.Same(r) {
			continue
		}
		e.Access |= r.Access
		e.Holes = narrowed(e.Holes, func(h *Device) { h.Access &^= r.Access })
		return
	}
	l.Exceptions = append(l.Exceptions, Exception{Device: r})
}

// take takes devices back that are exceptions, and tells of each exception that has some:
// which part of it, or of which other one it is a hole.
func (l *List) take(r Device, tell func(part Device, of *Device) error) error {
	for i := range l.Exceptions {
		e := &l.Exceptions[i]
		common := e.common(r)
		if common.Access == 0 || !e.overlaps(r) {
			continue
		}
		of := &e.Device
		if r.Covers(e.Device) {
			of = nil
		}
		if err := tell(common, of); err != nil {
			return err
		}
		e.without(common)
	}
	l.Exceptions = slices.DeleteFunc(l.Exceptions, func(e Exception) bool { return e.Access == 0 })
	return nil
}

// without takes devices of its own out of an exception.
func (e *Exception) without(part Device) {
	if part.Same(e.Device) {
		e.Access &^= part.Access
		e.Holes = narrowed(e.Holes, func(h *Device) { h.Access &= e.Access })
		return
	}
	for i := range e.Holes {
		if h := &e.Holes[i]; h.Same(part) {
			h.Access |= part.Access
			return
		}
	}
	e.Holes = append(e.Holes, part)
}

// narrowed returns what is left of devices.
func narrowed(list []Device, by func(*Device)) (left []Device) {
	for _, d := range list {
		if by(&d); d.Access != 0 {
			left = append(left, d)
		}
	}
	return left
}

// Allows reports whether an access to one device is allowed.
func (l *List) Allows(d Device) bool {
	for _, e := range l.Exceptions {
		if !e.Covers(d) {
			continue
		}
		access := e.Access
		for _, h := range e.Holes {
			if h.Covers(d) {
				access &^= h.Access
			}
		}
		switch {
		case l.Allowed && access&d.Access != 0:
			return false
		case !l.Allowed && d.Access&^access == 0:
			return true
		}
	}
	return l.Allowed
}

// AllowsEverything reports whether there is nothing to be denied.
func (l *List) AllowsEverything() bool {
	if l.Allowed {
		return len(l.Exceptions) == 0
	}
	all := func(kind byte) bool {
		return slices.ContainsFunc(l.Exceptions, func(e Exception) bool {
			return e.Device == Device{kind, Every, Every, All} && len(e.Holes) == 0
		})
	}
	return all('c') && all('b')
}
