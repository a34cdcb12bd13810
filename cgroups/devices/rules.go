package devices

import (
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// defaults are allowed after the rules of the config: the devices that every
// container has (config-linux.md, "Default Devices"), its terminals, and making
// nodes, which gives no access by itself.
func defaults() [11]Device {
	return [...]Device{
		{'c', Every, Every, Mknod},
		{'b', Every, Every, Mknod},
		{'c', 1, 3, All},       // /dev/null
		{'c', 1, 5, All},       // /dev/zero
		{'c', 1, 7, All},       // /dev/full
		{'c', 1, 8, All},       // /dev/random
		{'c', 1, 9, All},       // /dev/urandom
		{'c', 5, 0, All},       // /dev/tty
		{'c', 5, 1, All},       // /dev/console
		{'c', 5, 2, All},       // /dev/ptmx
		{'c', 136, Every, All}, // /dev/pts/*
	}
}

// A Step is a change of a List that follows rules, or none: the rule says what is so.
type Step struct {
	Rule  int // its index; Default for what no rule says
	Allow bool
	// Device is what is allowed or denied now. Everything, the policy, is the zero Device.
	Device Device
	// HoleOf is the exception from which Device is taken, a part of it. It is nil for the whole.
	HoleOf *Device
}

// Default is the Rule of a Step that comes from no rule.
const Default = -1

// New returns what the rules of a container come to, linux.resources.devices, in their
// order, and then the default devices. What no rule is about is denied, also where there is none
// at all: a new cgroup has what its parent has, mostly everything, and the nodes of the
// host's disks can be made by whoever has CAP_MKNOD. The error names the property.
//
// The default devices are what a container can always use when the config denies
// everything else. What a narrower rule denies is taken from them: {deny c 1:3 w}
// leaves /dev/null readable, {deny c 5:*} takes all the terminals but pts,
// {deny m} the making of nodes. Only the denial of everything, or of all the
// devices of a type, rwm, is the ground that they stand on. They are not needed
// where everything is allowed.
//
// Each step on the way is told, for cgroup v1, which takes it as a line; what tell returns ends
// it. It may be nil.
func New(rules []specs.LinuxDeviceCgroup, tell func(Step) error) (*List, error) {
	return newList(rules, 0, tell)
}

// Update returns what rules come to with and without those that a patch adds behind them, as New
// does. Errors call the first of the patch devices[0].
func Update(present, patch []specs.LinuxDeviceCgroup) (before, after *List, err error) {
	if before, err = New(present, nil); err != nil {
		return nil, nil, err
	}
	after, err = newList(slices.Concat(present, patch), len(present), nil)
	return before, after, err
}

// newList is New, for errors that call the rule with the index first devices[0].
func newList(rules []specs.LinuxDeviceCgroup, first int, tell func(Step) error) (*List, error) {
	if tell == nil {
		tell = func(Step) error { return nil }
	}
	l := &List{asked: len(rules) > 0}
	if len(rules) == 0 || !isPolicy(&rules[0]) {
		l.reset(false)
		if err := tell(Step{Rule: Default}); err != nil {
			return nil, err
		}
	}
	if err := l.follow(rules, first, tell); err != nil {
		return nil, err
	}
	for _, r := range l.missing() {
		if err := l.addDefault(r, tell); err != nil {
			return nil, fmt.Errorf("linux.resources.devices: %w", err)
		}
	}
	return l, nil
}

// isPolicy reports whether a rule is one for everything.
func isPolicy(r *specs.LinuxDeviceCgroup) bool {
	_, everything, _ := parseRule(r)
	return everything
}

// With returns what the rules make of the List, which stays as it is. It has the
// default devices if a rule for everything is among the rules; those that the List did not have by their
// numbers are soft: nobody asked for them. Tell is asked about holes only. The rule that has the index first is called
// devices[0] by errors.
func (l *List) With(rules []specs.LinuxDeviceCgroup, first int, tell func(Step) error) (
	with *List, soft []Device, err error,
) {
	w := &List{Allowed: l.Allowed}
	for _, e := range l.Exceptions {
		w.Exceptions = append(w.Exceptions, Exception{e.Device, slices.Clone(e.Holes)})
	}
	if err := w.follow(rules, first, tell); err != nil {
		return nil, nil, err
	}
	for _, r := range w.missing() {
		if !w.hasGround(r.Kind) {
			continue // it is there, or was denied before
		}
		if !w.excepts(r) {
			soft = append(soft, r)
		}
		if err := w.addDefault(r, tell); err != nil {
			return nil, nil, fmt.Errorf("linux.resources.devices: %w", err)
		}
	}
	return w, soft, nil
}

// follow follows the rules one after the other.
func (l *List) follow(rules []specs.LinuxDeviceCgroup, first int, tell func(Step) error) error {
	for i := range rules {
		parts, everything, err := parseRule(&rules[i])
		if err != nil {
			return fmt.Errorf("linux.resources.devices[%d].%w", i-first, err)
		}
		s := Step{Rule: i - first, Allow: rules[i].Allow}
		if everything {
			l.reset(s.Allow)
			err = tell(s)
		}
		for _, part := range parts {
			if err == nil {
				s.Device = part
				err = l.rule(s, tell)
			}
		}
		if err != nil {
			return fmt.Errorf("linux.resources.devices[%d]: %w", i-first, err)
		}
	}
	return nil
}

// rule follows a rule for one type of devices.
func (l *List) rule(s Step, tell func(Step) error) error {
	r := s.Device
	switch {
	case s.Allow:
	case r == Device{r.Kind, Every, Every, All}:
		l.grounds += string(r.Kind)
	default:
		l.denied = append(l.denied, r)
	}
	if s.Allow != l.Allowed {
		l.Add(r)
		return tell(s)
	}
	told := false
	err := l.take(r, func(part Device, of *Device) error {
		told = true
		return tell(Step{s.Rule, s.Allow, part, of})
	})
	if err != nil || told {
		return err
	}
	return tell(s)
}

// missing returns the default devices that are still to be allowed, less what was
// denied.
func (l *List) missing() (missing []Device) {
	if l.Allowed {
		return nil
	}
	for _, r := range defaults() {
		for _, no := range l.denied {
			if no.Covers(r) {
				r.Access &^= no.Access
			}
		}
		for _, e := range l.Exceptions {
			if e.Covers(r) {
				r.Access &^= e.Access
			}
		}
		if r.Access != 0 {
			missing = append(missing, r)
		}
	}
	return missing
}

// addDefault allows a default device, but for what was denied of it. A node that may be
// made gives no access by itself: there is no hole in that.
func (l *List) addDefault(r Device, tell func(Step) error) error {
	s := Step{Rule: Default, Allow: true, Device: r}
	l.Add(r)
	if err := tell(s); err != nil || r.Access == Mknod {
		return err
	}
	for _, no := range l.denied {
		if !no.overlaps(r) || no.Covers(r) || no.Access&r.Access == 0 {
			continue
		}
		part := no.common(r)
		if err := tell(Step{Default, false, part, &r}); err != nil {
			return err
		}
		for i := range l.Exceptions {
			if e := &l.Exceptions[i]; e.Same(r) {
				e.without(part)
			}
		}
	}
	return nil
}

// hasGround reports whether the default devices of a type are to be there.
func (l *List) hasGround(kind byte) bool { return strings.IndexByte(l.grounds, kind) >= 0 }

// excepts reports whether a device of the same numbers is among the exceptions.
func (l *List) excepts(r Device) bool {
	return slices.ContainsFunc(l.Exceptions, func(e Exception) bool { return e.Same(r) })
}
