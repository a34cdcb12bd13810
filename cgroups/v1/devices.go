package v1

import (
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/limits"
)

const (
	devicesAllow = "devices.allow"
	devicesDeny  = "devices.deny"
)

// defaultDevices are allowed after the rules of the config: the devices that every
// container has (config-linux.md, "Default Devices"), its terminals, and making
// nodes, which gives no access by itself.
var defaultDevices = [...]device{
	{'c', every, every, accessMknod},
	{'b', every, every, accessMknod},
	{'c', 1, 3, rwm},       // /dev/null
	{'c', 1, 5, rwm},       // /dev/zero
	{'c', 1, 7, rwm},       // /dev/full
	{'c', 1, 8, rwm},       // /dev/random
	{'c', 1, 9, rwm},       // /dev/urandom
	{'c', 5, 0, rwm},       // /dev/tty
	{'c', 5, 1, rwm},       // /dev/console
	{'c', 5, 2, rwm},       // /dev/ptmx
	{'c', 136, every, rwm}, // /dev/pts/*
}

// devices plans linux.resources.devices: the rules in their order, and then the
// default devices. What no rule is about is denied, as in runc, also where there is none
// at all: a new cgroup has what its parent has, mostly everything, and the nodes of the
// host's disks can be made by whoever has CAP_MKNOD.
//
// The default devices are what a container can always use when the config denies
// everything else. What a narrower rule denies is taken from them: {deny c 1:3 w}
// leaves /dev/null readable, {deny c 5:*} takes all the terminals but pts,
// {deny m} the making of nodes. Only the denial of everything, or of all the
// devices of a type, rwm, is the ground that they stand on. They are not needed
// where everything is allowed.
//
// The kernel keeps a policy and a list of exceptions from it, and a rule that
// takes back an exception must name it exactly, otherwise the kernel ignores it
// silently. Therefore the list is followed here: a wider rule takes back each
// exception that it covers, and one that would take back a part of an exception
// is an error. (security/device_cgroup.c)
func (p *plan) devices(rules []specs.LinuxDeviceCgroup) error {
	d := devicePlan{plan: p, property: "devices"}
	if len(rules) == 0 || !isPolicy(&rules[0]) {
		d.reset(false)
		d.Writes[len(d.Writes)-1].Soft = softDefault
	}
	denied, err := d.follow(rules)
	if err != nil {
		return err
	}
	d.property = "devices"
	for _, r := range d.defaults(denied) {
		d.write(true, r.String()).Soft = softDefault
	}
	return nil
}

// isPolicy reports whether a rule is one for everything.
func isPolicy(r *specs.LinuxDeviceCgroup) bool {
	_, all, _ := parseRule(r)
	return all
}

// softDefault is why what nobody asked for may fail: a parent that does not allow a
// device, as in a container, or a caller without CAP_SYS_ADMIN, whose containers cannot
// make or reach a node that the caller cannot.
var softDefault = []unix.Errno{unix.EPERM}

// follow plans the rules one after the other, and returns those narrower than the
// denial of everything that deny something.
func (d *devicePlan) follow(rules []specs.LinuxDeviceCgroup) (denied []device, err error) {
	for i := range rules {
		d.property = fmt.Sprintf("devices[%d]", i-d.first)
		parts, all, err := parseRule(&rules[i])
		if err != nil {
			return nil, fmt.Errorf("linux.resources.%s.%w", d.property, err)
		}
		if all {
			d.reset(rules[i].Allow)
			continue
		}
		for _, part := range parts {
			if err := d.rule(rules[i].Allow, part); err != nil {
				return nil, fmt.Errorf("linux.resources.%s: %w", d.property, err)
			}
			switch {
			case rules[i].Allow:
			case part == device{part.kind, every, every, rwm}:
				d.grounds += string(part.kind)
			default:
				denied = append(denied, part)
			}
		}
	}
	return denied, nil
}

// A devicePlan follows what the kernel makes of the rules.
type devicePlan struct {
	*plan
	property   string
	allowed    bool            // the policy
	exceptions []device        // from the policy
	first      int             // index of the rule that is called devices[0]
	grounds    string          // the types of which all devices were denied or allowed at once
	soft       map[device]bool // the defaults that nobody asked for, without access; only in an update
}

// reset writes a new policy, which has no exceptions.
func (d *devicePlan) reset(allow bool) {
	d.allowed, d.exceptions, d.grounds = allow, nil, "bc"
	d.write(allow, "a")
}

func (d *devicePlan) write(allow bool, value string) *limits.Write {
	file := devicesDeny
	if allow {
		file = devicesAllow
	}
	return d.Set(d.property, file, value)
}

// rule writes a rule for one type of devices.
func (d *devicePlan) rule(allow bool, r device) error {
	if allow != d.allowed {
		d.add(r)
		d.write(allow, r.String())
		return nil
	}
	written := false
	kept := d.exceptions[:0]
	for _, e := range d.exceptions {
		common := e.access & r.access
		switch {
		case common == 0 || !e.overlaps(r):
		case !r.covers(e):
			return fmt.Errorf("cgroup v1 cannot except %s from %s, which an earlier rule gives", r, e)
		default:
			d.write(allow, device{e.kind, e.major, e.minor, common}.String())
			written = true
			e.access &^= common
		}
		if e.access != 0 {
			kept = append(kept, e)
		}
	}
	d.exceptions = kept
	if !written {
		d.write(allow, r.String())
	}
	return nil
}

// add adds an exception. The kernel has one for each type and pair of numbers.
func (d *devicePlan) add(r device) {
	for i := range d.exceptions {
		if e := &d.exceptions[i]; e.same(r) {
			e.access |= r.access
			return
		}
	}
	d.exceptions = append(d.exceptions, r)
}

// defaults returns the default devices that are still to be allowed, less what was
// denied.
func (d *devicePlan) defaults(denied []device) (missing []device) {
	if d.allowed {
		return nil
	}
	for _, r := range defaultDevices {
		for _, no := range denied {
			if no.covers(r) {
				r.access &^= no.access
			}
		}
		for _, e := range d.exceptions {
			if e.covers(r) {
				r.access &^= e.access
			}
		}
		if r.access != 0 {
			missing = append(missing, r)
		}
	}
	return missing
}
