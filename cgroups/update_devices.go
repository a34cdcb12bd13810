package cgroups

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// updateDevices plans the way from the rules in force to those with a patch of
// rules, for processes that use devices meanwhile: see Update.
func (p *plan) updateDevices(patch, present []specs.LinuxDeviceCgroup) error {
	if len(patch) == 0 {
		return nil
	}
	now, err := p.devicesNow(present)
	if err != nil {
		return err
	}
	// The patch is followed on paper first.
	paper := plan{read: p.read}
	want := devicePlan{plan: &paper, known: true, allowed: now.allowed, exceptions: append([]device(nil), now.exceptions...)}
	denied, err := want.follow(patch)
	if err != nil {
		return err
	}
	soft := map[device]bool{} // by what it is, without access
	for _, r := range want.defaults(denied) {
		if strings.IndexByte(want.grounds, r.kind) < 0 {
			continue // it is allowed already, or was denied by an earlier config
		}
		soft[device{r.kind, r.major, r.minor, 0}] = !want.excepts(r)
		want.add(r)
	}
	now.plan, now.property = p, "devices"
	if now.allowed != want.allowed {
		now.changePolicy(want.allowed)
	}
	now.become(want.exceptions, soft)
	return nil
}

// devicesNow finds what is in force. Where everything is allowed only the rules
// know the exceptions.
func (p *plan) devicesNow(rules []specs.LinuxDeviceCgroup) (devicePlan, error) {
	list, err := p.read("devices", "devices.list")
	if err != nil {
		return devicePlan{}, fmt.Errorf("linux.resources.devices: %w", err)
	}
	var d devicePlan
	for l := range strings.Lines(list) {
		e, ok := parseDevice(strings.TrimSpace(l))
		if !ok {
			d = devicePlan{plan: &plan{read: func(string, string) (string, error) { return "a *:* rwm", nil }}}
			d.allowed = true
			if _, err := d.follow(rules); err != nil || !d.allowed {
				return devicePlan{allowed: true}, nil // not what is in force
			}
			return d, nil
		}
		d.exceptions = append(d.exceptions, e)
	}
	return d, nil
}

// excepts says whether a device of the same numbers is among the exceptions.
func (d *devicePlan) excepts(r device) bool {
	for _, e := range d.exceptions {
		if e.kind == r.kind && e.major == r.major && e.minor == r.minor {
			return true
		}
	}
	return false
}

// changePolicy writes the other policy, which is without exceptions for a moment.
// Taking it back writes the present exceptions again.
func (d *devicePlan) changePolicy(allow bool) {
	undo := []write{d.plain(d.allowed, "a")}
	for _, e := range d.exceptions {
		undo = append(undo, d.plain(!d.allowed, e.String()))
	}
	d.reset(allow)
	d.writes[len(d.writes)-1].undo = undo
}

// plain is a write that is not planned.
func (d *devicePlan) plain(allow bool, value string) write {
	scratch := devicePlan{plan: &plan{}, property: d.property}
	return *scratch.write(allow, value)
}

// become plans the way to other exceptions under the same policy. What is to be
// allowed comes first. Every write names one exception exactly, and only what it
// changes, so that its opposite takes it back.
func (d *devicePlan) become(want []device, soft map[device]bool) {
	more, fewer := difference(want, d.exceptions), difference(d.exceptions, want)
	allow, deny := more, fewer
	if d.allowed {
		allow, deny = fewer, more
	}
	for _, e := range allow {
		w := d.write(true, e.String())
		w.undo = []write{d.plain(false, e.String())}
		if soft[device{e.kind, e.major, e.minor, 0}] {
			w.soft = softDefault
		}
	}
	for _, e := range deny {
		d.write(false, e.String()).undo = []write{d.plain(true, e.String())}
	}
	d.exceptions = want
}

// difference returns what is in a and not in b. Devices are the same only with the
// same numbers: to the kernel * is one, too.
func difference(a, b []device) (only []device) {
	for _, e := range a {
		for _, other := range b {
			if e.kind == other.kind && e.major == other.major && e.minor == other.minor {
				e.access &^= other.access
			}
		}
		if e.access != 0 {
			only = append(only, e)
		}
	}
	return only
}
