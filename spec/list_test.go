package spec

import (
	"slices"
	"testing"
)

func TestParseList(t *testing.T) {
	for list, want := range map[string][]Range{
		"":            nil,
		" ":           nil,
		"0":           {{0, 0}},
		"0-3,7":       {{0, 3}, {7, 7}},
		" 1 , 2-2\n":  {{1, 1}, {2, 2}},
		"4294967295":  {{4294967295, 4294967295}},
		"5-6,5,0-100": {{5, 6}, {5, 5}, {0, 100}},
	} {
		if have, err := ParseList(list); err != nil || !slices.Equal(have, want) {
			t.Errorf("%q: %v, %v, want %v", list, have, err, want)
		}
	}
	for _, list := range []string{",", "1,", "a", "1-", "-1", "2-1", "1-2-3", "1 2", "4294967296", "+1", "0x1",
		"1-+2"} {
		if have, err := ParseList(list); err == nil {
			t.Errorf("%q: %v, want an error", list, have)
		}
	}
}
