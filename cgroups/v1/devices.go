package v1

import (
	"fmt"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const (
	devicesAllow = "devices.allow"
	devicesDeny  = "devices.deny"
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
// default devices.
//
// The default devices are what a container can always use when the config denies
// everything else. What a narrower rule denies is taken from them: {deny c 1:3 w}
// leaves /dev/null readable, {deny c 5:*} takes all the terminals but pts,
// {deny m} the making of nodes. Only the denial of everything, or of all the
// devices of a type, rwm, is the ground that they stand on. They are not needed
// where everything is allowed, and without any rule nothing is written.
//
// The kernel keeps a policy and a list of exceptions from it, and a rule that
// takes back an exception must name it exactly, otherwise the kernel ignores it
// silently. Therefore the list is followed here: a wider rule takes back each
// exception that it covers, and one that would take back a part of an exception
// is an error. (security/device_cgroup.c)
func (p *plan) devices(rules []specs.LinuxDeviceCgroup) error {
	if len(rules) == 0 {
		return nil
	}
	d := devicePlan{plan: p}
	denied, err := d.follow(rules)
	if err != nil {
		return err
	}
	d.property = "devices"
	for _, r := range d.defaults(denied) {
		d.write(true, r.String()).soft = softDefault
	}
	return nil
}

// softDefault is why the writing of a default device may fail: a parent that does
// not allow it, as in a container, is no reason to fail. Nobody asked for it.
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
		if i == 0 && !d.known {
			d.present()
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
	known      bool            // the two above are what is in force
	first      int             // index of the rule that is called devices[0]
	grounds    string          // the types of which all devices were denied or allowed at once
	soft       map[device]bool // the defaults that nobody asked for, without access; only in an update
}

// present starts with the present policy, which a new cgroup has from its parent.
// Exceptions from allowing everything cannot be read.
func (d *devicePlan) present() {
	list, err := d.read("devices", "devices.list")
	if err != nil {
		d.allowed = true // the write will tell
		return
	}
	for line := range strings.Lines(list) {
		e, ok := parseDevice(strings.TrimSpace(line))
		if !ok {
			d.allowed = true
			return
		}
		d.exceptions = append(d.exceptions, e)
	}
}

// reset writes a new policy, which has no exceptions.
func (d *devicePlan) reset(allow bool) {
	d.allowed, d.exceptions, d.grounds = allow, nil, "bc"
	d.write(allow, "a")
}

func (d *devicePlan) write(allow bool, value string) *write {
	file := devicesDeny
	if allow {
		file = devicesAllow
	}
	return d.set(d.property, file, value)
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
		if e := &d.exceptions[i]; e.kind == r.kind && e.major == r.major && e.minor == r.minor {
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

// covers says whether every device of e is one of d.
func (d device) covers(e device) bool {
	return d.kind == e.kind && (d.major == every || d.major == e.major) && (d.minor == every || d.minor == e.minor)
}

// overlaps says whether some device can be in both.
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
