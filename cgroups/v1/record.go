package v1

import (
	"strings"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Record implements [cgroups.Manager]. Each line is the label of a hierarchy and the
// directory there.
func (m *Manager) Record() (b []byte) {
	for i := range m.groups {
		b = cgroupfs.AppendRecord(b, m.groups[i].label, m.groups[i].Path)
	}
	return b
}

// Restore returns the Manager of a cgroup that was created before, from its Record. It
// touches nothing.
func Restore(record []byte) *Manager {
	m := new(Manager)
	for line := range strings.Lines(string(record)) {
		if label, path, ok := cgroupfs.ParseRecord(line); ok {
			m.groups = append(m.groups, group{label: label, Group: cgroupfs.Group{Path: path}})
		}
	}
	return m
}
