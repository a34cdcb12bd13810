// Package devicestest is what tests of rules of devices share: rules and accesses by chance,
// and what the kernel's cgroup v1 makes of the lines that it is told.
package devicestest

import "github.com/rung-oci/rung/cgroups/devices"

// A Kernel is the devices controller of a cgroup whose parent allows everything,
// security/device_cgroup.c. A new one allows everything.
type Kernel struct {
	denies     bool // the policy
	exceptions []devices.Device
}

// Write does what a line does that is written to devices.allow or devices.deny.
func (k *Kernel) Write(allow bool, line string) {
	d, ok := devices.Parse(line)
	if !ok { // to the kernel whatever begins with an "a" is everything
		*k = Kernel{denies: !allow}
		return
	}
	for i := range k.exceptions {
		e := &k.exceptions[i]
		switch {
		case !e.Same(d):
			continue
		case allow == k.denies:
			e.Access |= d.Access
		case e.Access&^d.Access == 0:
			k.exceptions = append(k.exceptions[:i:i], k.exceptions[i+1:]...)
		default:
			e.Access &^= d.Access
		}
		return
	}
	if allow == k.denies {
		k.exceptions = append(k.exceptions, d)
	}
}

// Allows decides about an access to one device: match_exception and
// match_exception_partial.
func (k *Kernel) Allows(d devices.Device) bool {
	for _, e := range k.exceptions {
		switch {
		case !e.Covers(d):
		case k.denies && d.Access&^e.Access == 0:
			return true
		case !k.denies && d.Access&e.Access != 0:
			return false
		}
	}
	return !k.denies
}
