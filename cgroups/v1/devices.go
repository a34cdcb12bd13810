package v1

import (
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/devices"
	"github.com/rung-oci/rung/cgroups/limits"
)

const (
	devicesAllow = "devices.allow"
	devicesDeny  = "devices.deny"
)

// devices plans linux.resources.devices: see [devices.New].
//
// The kernel keeps a policy and a list of exceptions from it, and a rule that
// takes back an exception must name it exactly, otherwise the kernel ignores it
// silently. Therefore the list is followed: a wider rule takes back each
// exception that it covers, and one that would take back a part of an exception
// is an error. (security/device_cgroup.c)
func (p *plan) devices(rules []specs.LinuxDeviceCgroup) error {
	_, err := devices.New(rules, func(s devices.Step) error {
		if err := expressible(s); err != nil {
			return err
		}
		if s.Rule == devices.Default {
			p.setDevice("devices", s.Allow, s.Device).Soft = softDefault
		} else {
			p.setDevice(fmt.Sprintf("devices[%d]", s.Rule), s.Allow, s.Device)
		}
		return nil
	})
	return err
}

// expressible refuses what the kernel would ignore.
func expressible(s devices.Step) error {
	if s.HoleOf == nil {
		return nil
	}
	by := "which an earlier rule gives"
	if s.Rule == devices.Default {
		by = "which are default devices"
	}
	return fmt.Errorf("cgroup v1 cannot except %s from %s, %s", s.Device, s.HoleOf, by)
}

// softDefault is why what nobody asked for may fail: a parent that does not allow a
// device, as in a container, or a caller without CAP_SYS_ADMIN, whose containers cannot
// make or reach a node that the caller cannot.
var softDefault = []unix.Errno{unix.EPERM}

// setDevice adds a write; the zero Device is the policy.
func (p *plan) setDevice(property string, allow bool, d devices.Device) *limits.Write {
	file, value := devicesDeny, "a"
	if allow {
		file = devicesAllow
	}
	if d.Kind != 0 {
		value = d.String()
	}
	return p.Set(property, file, value)
}
