package spec

import "strings"

// An Unknown is a property that the specification does not define. The
// specification wants unknown properties to be ignored and allows to warn
// (config.md, Extensibility).
type Unknown struct {
	Path string // where it is, as in linux.resources.memory.limits
	Hint string // the name of the property that was probably meant, or ""
}

func (u Unknown) String() string {
	if u.Hint == "" {
		return u.Path + ": unknown property"
	}
	return u.Path + ": unknown property, did you mean " + u.Hint + "?"
}

// unknown reads the value of the property name, which is not among the known
// names (separated by spaces) of the object.
func (r *reader) unknown(name, known string) {
	r.notes = append(r.notes, note{offset: r.keyAt, unknown: true, text: nearest(name, known)})
	r.skip()
}

// nearest returns the known name that name is probably a misspelling of: the
// one that differs in nothing but case, or else the first of those with the
// fewest wrong, missing or additional characters, or "".
func nearest(name, known string) string {
	best, fewest := "", min(2, len(name)/3)+1
	for candidate := range strings.FieldsSeq(known) {
		if strings.EqualFold(name, candidate) {
			return candidate
		}
		if d := distance(name, candidate, fewest); d < fewest {
			best, fewest = candidate, d
		}
	}
	return best
}

// distance returns the Levenshtein distance of a and b in bytes, or limit if it is
// not below limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	var buf [64]int
	row := append(buf[:0], 0)
	for j := range len(b) {
		row = append(row, j+1)
	}
	for i := range len(a) {
		diagonal, least := row[0], i+1
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
			least = min(least, d)
		}
		if least >= limit {
			return limit
		}
	}
	return min(row[len(b)], limit)
}
