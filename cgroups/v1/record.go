package v1

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// Record implements [cgroups.Manager]. Each line is the label of a hierarchy, a tab, and
// the directory there: encoding/json would cost more than all else that reading a
// record takes. A path with a newline, as a mount point may have one, is quoted as in
// Go: cut off there it would be another cgroup's, whose processes would be killed.
func (m *Manager) Record() []byte {
	var b bytes.Buffer
	for i := range m.groups {
		path := m.groups[i].Path
		if strings.Contains(path, "\n") {
			path = strconv.Quote(path)
		}
		fmt.Fprintf(&b, "%s\t%s\n", m.groups[i].label, path)
	}
	return b.Bytes()
}

// Restore returns the Manager of a cgroup that was created before, from its Record. It
// touches nothing.
func Restore(record []byte) *Manager {
	m := new(Manager)
	for line := range strings.Lines(string(record)) {
		label, path, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(path, `"`) {
			var err error
			path, err = strconv.Unquote(path)
			ok = ok && err == nil
		}
		if ok {
			m.groups = append(m.groups, group{label: label, Group: cgroupfs.Group{Path: path}})
		}
	}
	return m
}
