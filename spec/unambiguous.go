package spec

import (
	"strings"
	"unicode/utf8"
)

// CheckUnambiguous returns an error if readers of a JSON document may take it for different
// things: where an object has a name twice, of which the last counts here, or a string is no
// Unicode and has U+FFFD in the place of what is none (RFC 8259, sections 4 and 8). The document
// can be read otherwise. The error is Problems.
func CheckUnambiguous(data []byte) error {
	a := ambiguities{reader: reader{data: string(data)}}
	a.value(nil)
	if len(a.problems) > 0 {
		return a.problems
	}
	return nil
}

type ambiguities struct {
	reader
	problems Problems
}

func (a *ambiguities) value(path []byte) {
	switch a.peek() {
	case '{':
		seen := map[string]bool{}
		for a.enter(); a.next('}'); {
			key := a.key()
			at := append(path, strings.TrimPrefix(quoteKey(key), prefix(path))...)
			if seen[key] {
				a.problems.add(string(at), "is given twice")
			}
			seen[key] = true
			a.text(a.keyAt, key, at)
			a.value(at)
		}
	case '[':
		a.enter()
		for i := 0; a.next(']'); i++ {
			a.value(append(path, element("", i)...))
		}
	case '"':
		start := a.pos
		a.text(start, a.str(), path)
	default:
		a.skip()
	}
}

// prefix is what the first step of a path goes without.
func prefix(path []byte) string {
	if len(path) == 0 {
		return "."
	}
	return ""
}

// text looks whether each U+FFFD of a string that begins at start is one in the document, too.
func (a *ambiguities) text(start int, decoded string, path []byte) {
	const replaced = string(utf8.RuneError)
	n := strings.Count(decoded, replaced)
	if n == 0 {
		return
	}
	source := a.data[start:a.pos]
	if n != strings.Count(source, replaced)+strings.Count(strings.ToLower(source), `\ufffd`) {
		a.problems.add(string(path), "has what is no Unicode")
	}
}
