package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Problem is one thing that is wrong with a document.
type Problem struct {
	Path    string // of the property, as in linux.devices[2].major; "" for the document
	Message string
}

func (p Problem) String() string {
	if p.Path == "" {
		return p.Message
	}
	return p.Path + ": " + p.Message
}

// Problems is everything that is wrong with a document. A value that is used as
// an error is not empty.
type Problems []Problem

// Error returns all problems in one line, separated by semicolons.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "; ")
}

// err returns ps as an error that is nil if there is no problem.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// add appends a problem with the property at path, relative to the object that
// the problems are about.
func (ps *Problems) add(path, format string, args ...any) {
	*ps = append(*ps, Problem{path, fmt.Sprintf(format, args...)})
}

// in turns paths relative to a property into paths relative to its object.
func (ps Problems) in(property string) Problems {
	for i := range ps {
		ps[i].Path = join(property, ps[i].Path)
	}
	return ps
}

// at turns paths relative to an element of an array property into paths
// relative to the object of the property.
func (ps Problems) at(property string, index int) Problems {
	if len(ps) == 0 {
		return ps
	}
	return ps.in(element(property, index))
}

// of turns paths relative to the value of a key of a map property into paths
// relative to the object of the property.
func (ps Problems) of(property, key string) Problems {
	if len(ps) == 0 {
		return ps
	}
	return ps.in(property + quoteKey(key))
}

// sorted sorts problems that were found in the keys of a map, whose order is
// not the same every time.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int { return cmp.Compare(a.Path, b.Path) })
	return ps
}

// join appends a relative path to a path.
func join(path, rel string) string {
	if path == "" || rel == "" || rel[0] == '[' {
		return path + rel
	}
	return path + "." + rel
}

// element returns the path of an element of an array.
func element(path string, index int) string {
	return path + "[" + strconv.Itoa(index) + "]"
}

// quoteKey returns the step of a path to the value of a key: .key, or ["key"] if the
// key could be taken for something else.
func quoteKey(key string) string {
	for _, c := range []byte(key) {
		if c != '_' && (c|' ' < 'a' || 'z' < c|' ') && (c < '0' || '9' < c) {
			return "[" + strconv.Quote(key) + "]"
		}
	}
	if key == "" {
		return `[""]`
	}
	return "." + key
}
