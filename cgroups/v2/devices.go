package v2

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/devices"
)

// SetDevices implements [cgroups.Manager]: see [devices.List.Enforce].
func (m *Manager) SetDevices(rules []specs.LinuxDeviceCgroup) (warnings []string, err error) {
	l, err := devices.New(rules, nil)
	if err != nil {
		return nil, err
	}
	return m.enforce(l)
}

func (m *Manager) enforce(l *devices.List) (warnings []string, err error) {
	dir, err := m.dir.Open()
	if err != nil {
		return nil, err
	}
	return l.Enforce(dir)
}

// DeviceFilter implements [cgroups.Manager].
func (m *Manager) DeviceFilter(rules []specs.LinuxDeviceCgroup) (string, error) {
	l, err := devices.New(rules, nil)
	if err != nil || l.AllowsEverything() {
		return "", err
	}
	return l.Compile().String(), nil
}

// withDevices adds to what was changed a patch of the rules of devices. If that fails the
// change is taken back.
func (m *Manager) withDevices(c *cgroups.Change, before, after *devices.List) (*cgroups.Change, error) {
	warnings, err := m.enforce(after)
	if err != nil {
		return nil, errors.Join(err, c.Revert())
	}
	return &cgroups.Change{
		Warnings: append(c.Warnings, warnings...),
		Revert: func() error {
			_, err := m.enforce(before)
			return errors.Join(err, c.Revert())
		},
	}, nil
}
