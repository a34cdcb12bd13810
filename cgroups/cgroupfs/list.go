package cgroupfs

import (
	"strconv"
	"strings"
)

// ParseList returns what is in a list of CPUs or memory nodes, "0-2,7", in its order.
func ParseList(text string) (list []uint16, err error) {
	for part := range strings.SplitSeq(strings.TrimSpace(text), ",") {
		first, last, isRange := strings.Cut(part, "-")
		if first == "" {
			continue
		}
		if !isRange {
			last = first
		}
		n, err := strconv.ParseUint(first, 10, 16)
		if err != nil {
			return nil, err
		}
		end, err := strconv.ParseUint(last, 10, 16)
		if err != nil {
			return nil, err
		}
		for ; n <= end; n++ {
			list = append(list, uint16(n))
		}
	}
	return list, nil
}
