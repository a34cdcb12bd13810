package v2

import (
	"strings"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// RecordWord begins a line of a Record, behind which are a tab and the path.
const RecordWord = "v2"

// Record implements [cgroups.Manager].
func (m *Manager) Record() []byte { return cgroupfs.AppendRecord(nil, RecordWord, m.dir.Path) }

// Restore returns the Manager of a cgroup that was created before, from its Record. It
// touches nothing. A record of others, without such a line, is not ok.
func Restore(record []byte) (m *Manager, ok bool) {
	for line := range strings.Lines(string(record)) {
		if word, path, ok := cgroupfs.ParseRecord(line); ok && word == RecordWord {
			return &Manager{dir: cgroupfs.Group{Path: path}}, true
		}
	}
	return nil, false
}
