package v1

import (
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/limits"
)

// updateDevices plans the way from the rules in force to those with a patch of
// rules, for processes that use devices meanwhile: see Update.
//
// What is written is the difference between what the kernel makes of the rules
// without the patch and with it. What others have allowed besides, such as a hook
// that brings a GPU, stays.
func (p *plan) updateDevices(patch, present []specs.LinuxDeviceCgroup) error {
	if len(patch) == 0 {
		return nil
	}
	now, err := p.devicesNow()
	if err != nil {
		return err
	}
	old, err := now.with(present)
	if err != nil || old.allowed != now.allowed {
		old = now // not the rules in force
	}
	if now.allowed {
		now = old // only the rules know the exceptions
	}
	now.first = len(present)
	want, err := now.with(slices.Concat(present, patch))
	if err != nil {
		return err
	}
	now.plan, now.property = p, "devices"
	if want.allowed != now.allowed {
		now.changePolicy(want.allowed)
		now.become(want.exceptions, want.soft)
		return nil
	}
	target := union(now.exceptions, difference(want.exceptions, old.exceptions))
	now.become(difference(target, difference(old.exceptions, want.exceptions)), want.soft)
	return nil
}

// devicesNow reads what is in force; where everything is allowed, that.
func (p *plan) devicesNow() (devicePlan, error) {
	list, err := p.Read("devices", "devices.list")
	if err != nil {
		return devicePlan{}, fmt.Errorf("linux.resources.devices: %w", err)
	}
	d := devicePlan{}
	for l := range strings.Lines(list) {
		e, ok := parseDevice(strings.TrimSpace(l))
		if !ok {
			return devicePlan{allowed: true}, nil
		}
		d.exceptions = append(d.exceptions, e)
	}
	return d, nil
}

// with returns what the rules make of what is there now: on paper. It has the
// default devices if a rule for everything is among the rules.
func (d *devicePlan) with(rules []specs.LinuxDeviceCgroup) (devicePlan, error) {
	w := devicePlan{plan: new(plan), first: d.first, allowed: d.allowed}
	w.exceptions = slices.Clone(d.exceptions)
	denied, err := w.follow(rules)
	if err != nil {
		return w, err
	}
	w.soft = map[device]bool{}
	for _, r := range w.defaults(denied) {
		if strings.IndexByte(w.grounds, r.kind) < 0 {
			continue // it is there, or was denied before
		}
		w.soft[device{r.kind, r.major, r.minor, 0}] = !w.excepts(r)
		w.add(r)
	}
	return w, nil
}

// excepts reports whether a device of the same numbers is among the exceptions.
func (d *devicePlan) excepts(r device) bool {
	return slices.ContainsFunc(d.exceptions, r.same)
}

// changePolicy writes the other policy, which is without exceptions for a moment.
// Taking it back writes the present exceptions again.
func (d *devicePlan) changePolicy(allow bool) {
	undo := []limits.Write{d.plain(d.allowed, "a")}
	for _, e := range d.exceptions {
		undo = append(undo, d.plain(!d.allowed, e.String()))
	}
	d.reset(allow)
	d.Writes[len(d.Writes)-1].Undo = undo
}

// plain is a write that is not planned.
func (d *devicePlan) plain(allow bool, value string) limits.Write {
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
		w.Undo = []limits.Write{d.plain(false, e.String())}
		if soft[device{e.kind, e.major, e.minor, 0}] {
			w.Soft = softDefault
		}
	}
	for _, e := range deny {
		d.write(false, e.String()).Undo = []limits.Write{d.plain(true, e.String())}
	}
	d.exceptions = want
}

// union returns what is in a or in b.
func union(a, b []device) []device {
	u := devicePlan{exceptions: slices.Clone(a)}
	for _, e := range b {
		u.add(e)
	}
	return u.exceptions
}

// difference returns what is in a and not in b. Devices are the same only with the
// same numbers.
func difference(a, b []device) (only []device) {
	for _, e := range a {
		for _, other := range b {
			if e.same(other) {
				e.access &^= other.access
			}
		}
		if e.access != 0 {
			only = append(only, e)
		}
	}
	return only
}
