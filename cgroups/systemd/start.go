package systemd

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/cgroups/limits"
	"github.com/rung-oci/rung/cgroups/systemd/bus"
	"github.com/rung-oci/rung/cgroups/v2"
)

// make makes the scope, with the limits of r and the properties of the annotations.
func (m *Manager) make(r *specs.LinuxResources) (err error) {
	p, err := v2.Plan(r, absent)
	if err != nil {
		return err
	}
	if m.idle, err = m.options.Idle(); err != nil {
		return err
	}
	if err := m.start(m.properties(p.Writes)); err != nil {
		return fmt.Errorf("starting unit %s: %w", m.unit, err)
	}
	return nil
}

// properties are those of a new unit. An annotation stands above what every unit has, and below the
// limits of the config: the files have those, and systemd would write the annotation's over them when it
// reads its units anew.
func (m *Manager) properties(writes []limits.Write) []property {
	list := []property{
		{"Description", bus.String(m.description())},
		{"Slice", bus.String(m.scope.slice)},
		{"DefaultDependencies", bus.Bool(false)},
		{"CollectMode", bus.String("inactive-or-failed")}, // what has failed does not stay, and keep the name
		{"Delegate", bus.Bool(true)},
		{"PIDs", bus.ArrayOf(bus.Uint32(m.idle.Pid()))},
		{"CPUAccounting", bus.Bool(true)},
		{"IOAccounting", bus.Bool(true)},
		{"MemoryAccounting", bus.Bool(true)},
		{"TasksAccounting", bus.Bool(true)},
	}
	list = override(list, m.given)
	return override(list, append(properties(writes, absent, deviceNode), oomPolicy(writes)...))
}

// absent is what a plan reads of a cgroup that is not there yet.
func absent(string, string) (string, error) { return "", unix.ENOENT }

const (
	// awayTimeout is how long a manager may take to execute itself anew.
	awayTimeout = 10 * time.Second
	// mostResets of an old unit: the manager forgets it a moment after it was asked to.
	mostResets = 10
)

// start starts the unit. What is in the way and passes is waited for: a manager that executes itself
// anew, an old unit of that name which has ended. What this manager is too old for is left out.
func (m *Manager) start(list []property) error { return m.startWithin(timeout, list) }

func (m *Manager) startWithin(timeout time.Duration, list []property) error {
	now := time.Now()
	deadline, back := now.Add(timeout), now.Add(min(timeout, awayTimeout))
	wait := cgroupfs.NewBackoff(time.Millisecond)
	var lost error // the connection was, first
	for resets := 0; ; wait.Sleep() {
		err := m.tryStart(deadline, list)
		switch {
		case err == nil, (isAway(err) || bus.Is(err, errUnitExists)) && m.holds():
			return nil // perhaps it was done, and the answer was lost
		case isAway(err) && !isAbsent(err) && time.Now().Before(back):
			m.disconnect()
			lost = cmp.Or(lost, err)
		case bus.Is(err, errUnitExists) && resets < mostResets:
			resets++
			if err := resetFailed(m.bus, m.unit); err != nil {
				return err
			}
		case bus.Is(err, errNoProperty):
			rest, version, e := m.known(list)
			if e != nil || len(rest) == len(list) {
				return errors.Join(fmt.Errorf("%w (systemd %s)", err, version), e)
			}
			list = rest
		default:
			return cmp.Or(lost, err)
		}
	}
}

func (m *Manager) tryStart(deadline time.Time, list []property) error {
	c, err := m.connect(deadline)
	if err != nil {
		return err
	}
	return startTransient(c, m.unit, list)
}

// known leaves out what the manager does not know.
func (m *Manager) known(list []property) (rest []property, version string, err error) {
	if version, err = managerProperty(m.bus, "Version"); err != nil {
		return nil, version, err
	}
	return known(list, version), version, nil
}

// holds reports whether the idle process is in the scope.
func (m *Manager) holds() bool {
	path, err := cgroupOf(strconv.Itoa(m.idle.Pid()))
	return err == nil && strings.HasSuffix(path, "/"+m.unit)
}
