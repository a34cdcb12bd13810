package systemd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/systemd/bus"
)

// What the service manager is called: org.freedesktop.systemd1(5).
const (
	service    = "org.freedesktop.systemd1"
	object     = "/org/freedesktop/systemd1"
	interface1 = service + ".Manager"

	errUnitExists = service + ".UnitExists"
	errNoSuchUnit = service + ".NoSuchUnit"
	errNoProperty = "org.freedesktop.DBus.Error.PropertyReadOnly"
)

// A property is one of a unit's: see org.freedesktop.systemd1(5).
type property struct {
	name  string
	value bus.Value
}

// timeout of what is asked of the service manager, from connecting to the end of the job; runc
// has the same.
const timeout = 30 * time.Second

func call(method string, args ...bus.Value) *bus.Call {
	return &bus.Call{Destination: service, Path: object, Interface: interface1, Method: method, Args: args}
}

// values are properties as a(sv).
func values(list []property) bus.Array {
	a := bus.Array{Of: "(sv)"}
	for _, p := range list {
		a.Values = append(a.Values, bus.Struct{bus.String(p.name), bus.Variant{Value: p.value}})
	}
	return a
}

// watchJobs asks for the end of the jobs of the unit.
func watchJobs(c *bus.Conn, name string) {
	c.Match("type='signal',sender='" + service + "',path='" + object + "',interface='" + interface1 +
		"',member='JobRemoved',arg2='" + name + "'")
}

// startTransient makes the unit, and waits until it is there.
func startTransient(c *bus.Conn, name string, list []property) error {
	watchJobs(c, name)
	m, err := c.Call(call("StartTransientUnit", bus.String(name), bus.String("fail"), values(list),
		bus.Array{Of: "(sa(sv))"}))
	if err != nil {
		return err
	}
	return await(c, m)
}

// stop ends the unit, and waits until it has ended. One that is not there has.
func stop(c *bus.Conn, name string) error {
	watchJobs(c, name)
	m, err := c.Call(call("StopUnit", bus.String(name), bus.String("replace")))
	if bus.Is(err, errNoSuchUnit) {
		return nil
	}
	if err != nil {
		return err
	}
	return await(c, m)
}

// await waits for the end of the job that an answer names.
func await(c *bus.Conn, answer *bus.Message) error {
	d := answer.Body()
	job := d.String()
	if err := d.Err(); err != nil {
		return err
	}
	for {
		m, err := c.Signal()
		if err != nil {
			return fmt.Errorf("waiting for job %s: %w", jobNumber(job), err)
		}
		if m.Member != "JobRemoved" || m.Interface != interface1 {
			continue
		}
		d := m.Body()
		_, path, _, result := d.Uint32(), d.String(), d.String(), d.String()
		if path != job {
			continue
		}
		if err := d.Err(); err != nil {
			return err
		}
		if result != "done" {
			return &jobError{job, result}
		}
		return nil
	}
}

func jobNumber(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// A jobError is a job that did not do what it was to do.
type jobError struct{ job, result string }

func (e *jobError) Error() string {
	return fmt.Sprintf("job %s ended with the result %q", jobNumber(e.job), e.result)
}

// resetFailed lets the manager forget a unit that has failed.
func resetFailed(c *bus.Conn, name string) error {
	_, err := c.Call(call("ResetFailedUnit", bus.String(name)))
	if bus.Is(err, errNoSuchUnit) {
		return nil
	}
	return err
}

// setProperties changes a unit until the next boot.
func setProperties(c *bus.Conn, name string, list []property) error {
	const runtime = bus.Bool(true)
	_, err := c.Call(call("SetUnitProperties", bus.String(name), runtime, values(list)))
	return err
}

// managerProperty reads a string that the manager says of itself.
func managerProperty(c *bus.Conn, name string) (string, error) {
	m, err := c.Call(&bus.Call{
		Destination: service, Path: object, Interface: "org.freedesktop.DBus.Properties", Method: "Get",
		Args: []bus.Value{bus.String(interface1), bus.String(name)},
	})
	if err != nil {
		return "", fmt.Errorf("asking for the manager's %s: %w", name, err)
	}
	d := m.Body()
	s := d.VariantString()
	return s, d.Err()
}

// since is the first version of systemd that knows a property; those that are missing are as old as
// the kernels that rung runs on, 5.14, in the distributions that have these.
var since = map[string]int{
	"AllowedCPUs": 244, "AllowedMemoryNodes": 244, "CPUQuotaPeriodUSec": 242, "MemoryZSwapMax": 253,
	"MemoryZSwapWriteback": 256, "CollectMode": 236, "OOMPolicy": 253,
}

// known leaves out what a systemd of that version does not know, and a version's text that is not
// understood, such as "v255 (…)", knows all.
func known(list []property, version string) (rest []property) {
	digits := strings.TrimLeft(version, "v")
	if i := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		digits = digits[:i]
	}
	v, err := strconv.Atoi(digits)
	for _, p := range list {
		if err != nil || v >= since[p.name] {
			rest = append(rest, p)
		}
	}
	return rest
}

// isAway reports whether an error means that the manager, or the bus, is gone at the moment: it
// may be executing itself anew.
func isAway(err error) bool {
	if errors.Is(err, bus.ErrClosed) || errors.As(err, new(*bus.UnreachableError)) {
		return true
	}
	for _, name := range [...]string{"NoReply", "ServiceUnknown", "NameHasNoOwner", "Disconnected"} {
		if bus.Is(err, "org.freedesktop.DBus.Error."+name) {
			return true
		}
	}
	return false
}

// isAbsent reports whether there is no service manager, and not even a socket that one has left.
func isAbsent(err error) bool {
	e := (*bus.UnreachableError)(nil)
	if !errors.As(err, &e) {
		return false
	}
	for _, err := range e.Errs {
		if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, bus.ErrClosed) {
			return false
		}
	}
	return true
}
