package v2

import specs "github.com/opencontainers/runtime-spec/specs-go"

// SetDevices implements [cgroups.Manager]. Nothing is enforced yet, and the warning says so.
func (m *Manager) SetDevices([]specs.LinuxDeviceCgroup) (warnings []string, err error) {
	return []string{"linux.resources.devices: not applied yet on cgroup v2: " +
		"the container may use every device that it has a node of"}, nil
}
