package spec

import (
	"fmt"
	"strconv"
	"strings"
)

// A Range is a range of CPUs or memory nodes, both ends included.
type Range struct {
	First, Last uint32
}

// ParseList reads a list of CPUs or memory nodes, numbers and ranges separated
// by commas, as in 0-3,7. White space around them is allowed, and so is an
// empty list, but not an empty element. Ranges may overlap.
func ParseList(list string) ([]Range, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var ranges []Range
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 32)
		b, errB := strconv.ParseUint(last, 10, 32)
		if errA != nil || errB != nil || a > b {
			return nil, fmt.Errorf("%q is not a number or range in the list %q", part, list)
		}
		ranges = append(ranges, Range{uint32(a), uint32(b)})
	}
	return ranges, nil
}
