package v1

import (
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/devices"
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
	old, _, err := now.With(present, len(present), expressible)
	if err != nil || old.Allowed != now.Allowed {
		old = now // not the rules in force
	}
	if now.Allowed {
		now = old // only the rules know the exceptions
	}
	want, soft, err := now.With(slices.Concat(present, patch), len(present), expressible)
	if err != nil {
		return err
	}
	if want.Allowed != now.Allowed {
		p.changePolicy(now, want.Allowed)
		p.become(&devices.List{Allowed: want.Allowed}, want.Exceptions, soft)
		return nil
	}
	target := union(now.Exceptions, difference(want.Exceptions, old.Exceptions))
	p.become(now, difference(target, difference(old.Exceptions, want.Exceptions)), soft)
	return nil
}

// devicesNow reads what is in force; where everything is allowed, that.
func (p *plan) devicesNow() (*devices.List, error) {
	list, err := p.Read("devices", "devices.list")
	if err != nil {
		return nil, fmt.Errorf("linux.resources.devices: %w", err)
	}
	l := new(devices.List)
	for line := range strings.Lines(list) {
		d, ok := devices.Parse(strings.TrimSpace(line))
		if !ok {
			return &devices.List{Allowed: true}, nil
		}
		l.Exceptions = append(l.Exceptions, devices.Exception{Device: d})
	}
	return l, nil
}

// changePolicy writes the other policy, which is without exceptions for a moment.
// Taking it back writes the present exceptions again.
func (p *plan) changePolicy(now *devices.List, allow bool) {
	undo := []limits.Write{unplanned(now.Allowed, devices.Device{})}
	for _, e := range now.Exceptions {
		undo = append(undo, unplanned(!now.Allowed, e.Device))
	}
	p.setDevice("devices", allow, devices.Device{}).Undo = undo
}

// unplanned is a write that is not planned.
func unplanned(allow bool, d devices.Device) limits.Write {
	return *new(plan).setDevice("devices", allow, d)
}

// become plans the way to other exceptions under the same policy. What is to be
// allowed comes first. Every write names one exception exactly, and only what it
// changes, so that its opposite takes it back.
func (p *plan) become(now *devices.List, want []devices.Exception, soft []devices.Device) {
	more, fewer := difference(want, now.Exceptions), difference(now.Exceptions, want)
	allow, deny := more, fewer
	if now.Allowed {
		allow, deny = fewer, more
	}
	for _, e := range allow {
		w := p.setDevice("devices", true, e.Device)
		w.Undo = []limits.Write{unplanned(false, e.Device)}
		if slices.ContainsFunc(soft, e.Same) {
			w.Soft = softDefault
		}
	}
	for _, e := range deny {
		p.setDevice("devices", false, e.Device).Undo = []limits.Write{unplanned(true, e.Device)}
	}
}

// union returns what is in a or in b.
func union(a, b []devices.Exception) []devices.Exception {
	u := devices.List{Exceptions: slices.Clone(a)}
	for _, e := range b {
		u.Add(e.Device)
	}
	return u.Exceptions
}

// difference returns what is in a and not in b. Devices are the same only with the
// same numbers.
func difference(a, b []devices.Exception) (only []devices.Exception) {
	for _, e := range a {
		for _, other := range b {
			if e.Same(other.Device) {
				e.Access &^= other.Access
			}
		}
		if e.Access != 0 {
			only = append(only, e)
		}
	}
	return only
}
