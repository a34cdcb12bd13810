package cmd

import (
	"testing"

	"github.com/rung-oci/rung/cgroups"
)

// Of what the kernel counts several times the table shows each byte once.
func TestBlockIOCountsOnce(t *testing.T) {
	entries := func(read, written uint64) (list []cgroups.BlockEntry) {
		for minor := range uint64(2) {
			for op, n := range map[string]uint64{"Read": read, "Write": written, "Discard": 0, "Sync": read,
				"Async": written, "Total": read + written} {
				list = append(list, cgroups.BlockEntry{Major: 7, Minor: minor, Op: op, Value: n})
			}
		}
		return list
	}
	s := &cgroups.BlockStats{ServiceBytes: entries(1<<20, 2<<20), Serviced: entries(3, 5)}
	for op, want := range map[string]string{"Read": "2.0 MiB (6 operations)", "Write": "4.0 MiB (10 operations)"} {
		if got := blockIO(s, op); got != want {
			t.Errorf("%s: %s, want %s", op, got, want)
		}
	}
}
