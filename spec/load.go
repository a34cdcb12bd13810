package spec

//go:generate go run ./internal/gen

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Load reads a config.json. It returns every property that the specification
// does not define, and decodes the rest as encoding/json would, with these
// differences:
//
//   - Names must match exactly. encoding/json ignores case; here readOnly
//     for readonly is an unknown property, with a hint.
//   - The objects of other platforms (windows, solaris, vm, zos, freebsd) must
//     be JSON, but are not looked into: their fields stay nil.
//   - An error names the property.
//
// The error is a *SyntaxError if data is not JSON, or Problems that lists every
// value of the wrong type. A document that can be read is not necessarily
// valid; see [Validate].
func Load(data []byte) (*specs.Spec, []Unknown, error) {
	return load(data, decodeSpec)
}

// LoadProcess reads a process object, as given to exec, in the way of [Load].
// Paths are relative to the object.
func LoadProcess(data []byte) (*specs.Process, []Unknown, error) {
	return load(data, decodeProcess)
}

// LoadResources reads a linux.resources object, as given to update, in the way
// of [Load]. Paths are relative to the object.
func LoadResources(data []byte) (*specs.LinuxResources, []Unknown, error) {
	return load(data, decodeLinuxResources)
}

func load[T any](data []byte, decode func(*reader, *T)) (*T, []Unknown, error) {
	r := reader{data: string(data)}
	v := new(T)
	decode(&r, v)
	r.end()
	if r.err != nil {
		return nil, nil, r.err
	}
	if len(r.notes) == 0 {
		return v, nil, nil
	}
	unknown, problems := locate(r.data, r.notes)
	if len(problems) > 0 {
		return nil, unknown, problems
	}
	return v, unknown, nil
}

// locate finds the paths of the notes, which are sorted by offset, with another
// walk over the document. So the first walk, mostly the only one, is free from
// keeping track of where it is.
func locate(document string, notes []note) ([]Unknown, Problems) {
	l := locator{reader: reader{data: document}, notes: notes}
	l.value(nil)
	return l.unknown, l.problems
}

type locator struct {
	reader
	notes    []note // that are still ahead
	unknown  []Unknown
	problems Problems
}

func (l *locator) value(path []byte) {
	c := l.peek()
	l.visit(l.pos, path)
	switch c {
	case '{':
		for l.enter(); l.next('}'); {
			step := quoteKey(l.key())
			if len(path) == 0 {
				step = strings.TrimPrefix(step, ".")
			}
			path := append(path, step...)
			l.visit(l.keyAt, path)
			l.value(path)
		}
	case '[':
		l.enter()
		for i := 0; l.next(']'); i++ {
			l.value(append(path, element("", i)...))
		}
	default:
		l.skip()
	}
}

func (l *locator) visit(offset int, path []byte) {
	if len(l.notes) == 0 || l.notes[0].offset != offset {
		return
	}
	if n := l.notes[0]; n.unknown {
		l.unknown = append(l.unknown, Unknown{string(path), n.text})
	} else {
		l.problems = append(l.problems, Problem{string(path), n.text})
	}
	l.notes = l.notes[1:]
}
