package cgroups

import (
	"encoding/json"
	"math"
	"testing"
)

// Clients of runc take a limit that is there for one, whatever its value.
func TestNoLimitOfPidsIsLeftOut(t *testing.T) {
	for limit, want := range map[PidsLimit]string{-1: `{"current":3}`, 5: `{"current":3,"limit":5}`} {
		if got, err := json.Marshal(PidsStats{Current: 3, Limit: limit}); err != nil || string(got) != want {
			t.Errorf("%d: %s, %v, want %s", limit, got, err, want)
		}
	}
}

func TestLimited(t *testing.T) {
	for limit, want := range map[uint64]bool{0: true, 1 << 40: true, 9223372036854771712: false, // v1
		9223372036854710272: false, math.MaxUint64: false} {
		if c := (MemoryCounter{Limit: limit}); c.Limited() != want {
			t.Errorf("%d: %v", limit, c.Limited())
		}
	}
}
