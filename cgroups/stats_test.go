package cgroups

import (
	"encoding/json"
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
