package systemd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/limits"
	"github.com/rung-oci/rung/cgroups/systemd/bus"
)

// Update implements [cgroups.Manager]: the files get the limits, whole or not at all, and then the
// unit its properties. If that fails the files are taken back.
func (m *Manager) Update(patch, present *specs.LinuxResources) (*cgroups.Change, error) {
	p, err := m.PlanUpdate(patch, present)
	if err != nil {
		return nil, err
	}
	list := properties(p.Writes, p.Read, deviceNode) // while the files have what a write keeps
	change, err := m.Change(p, patch, present)
	if err != nil {
		return nil, err
	}
	if err := m.tell(p, list); err != nil {
		return nil, errors.Join(err, change.Revert())
	}
	revert := func() error {
		return errors.Join(change.Revert(), m.tell(p, properties(p.Back, p.Read, deviceNode)))
	}
	return &cgroups.Change{Warnings: change.Warnings, Revert: revert}, nil
}

// tell tells systemd what was written.
func (m *Manager) tell(p *limits.Plan, list []property) error {
	if len(list) == 0 {
		return nil
	}
	saved := m.save(p, list)
	c, err := m.connect(time.Now().Add(timeout))
	if err == nil {
		err = setProperties(c, m.unit, list)
	}
	if bus.Is(err, errNoProperty) {
		var version string
		if list, version, err = m.known(list); err == nil {
			err = setProperties(c, m.unit, list)
		}
		if err != nil {
			err = fmt.Errorf("%w (systemd %s)", err, version)
		}
	}
	if err != nil {
		return fmt.Errorf("changing unit %s: %w", m.unit, err)
	}
	return m.mend(c, saved)
}

// overwritten are the files that systemd writes along with those of a property, by the beginning of
// the property's name, though it was told nothing of what they hold.
var overwritten = map[string]string{
	"CPUQuota": cpuMax, // without a quota, the default period
	"Memory":   oomGroup,
}

// save reads them.
func (m *Manager) save(p *limits.Plan, list []property) (saved []limits.Write) {
	for prefix, file := range overwritten {
		has := func(p property) bool { return strings.HasPrefix(p.name, prefix) }
		if !slices.ContainsFunc(list, has) {
			continue
		}
		controller, _, _ := strings.Cut(file, ".")
		now, err := p.Read(controller, file)
		if err != nil || now == "0" || file == cpuMax && (!strings.HasPrefix(now, "max ") || now == "max 100000") {
			continue
		}
		saved = append(saved, limits.Write{Controller: controller, File: file, Value: now, Property: "linux.resources"})
	}
	return saved
}

// mend writes them again. systemd writes the files once it has answered, before it looks at the next call.
func (m *Manager) mend(c *bus.Conn, saved []limits.Write) error {
	if len(saved) == 0 {
		return nil
	}
	if _, err := c.Call(&bus.Call{
		Destination: service, Path: object, Interface: "org.freedesktop.DBus.Peer", Method: "Ping",
	}); err != nil {
		return fmt.Errorf("waiting for the service manager: %w", err)
	}
	var errs []error
	for _, w := range saved {
		errs = append(errs, m.Rewrite(w))
	}
	return errors.Join(errs...)
}
