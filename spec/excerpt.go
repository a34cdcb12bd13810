package spec

import "slices"

// ForExec returns the part of a config.json that counts for every process of a
// container, not only for the first: process, and of linux personality, memoryPolicy, and
// where the agent of seccomp listens. It is a document that [Load] reads, with the values as they
// stand in the original. The original must be one that Load can read.
func ForExec(config []byte) []byte {
	e := excerpt{reader: reader{data: string(config)}, out: make([]byte, 0, 2048)}
	e.object(func(name string) {
		switch name {
		case "process":
			e.copy(name)
		case "linux":
			if e.peek() != '{' { // null
				e.skip()
				return
			}
			e.key(name)
			e.object(func(name string) {
				switch {
				case name == "seccomp" && e.peek() == '{':
					e.key(name)
					e.object(e.only("listenerPath", "listenerMetadata"))
				case name == "personality" || name == "memoryPolicy":
					e.copy(name)
				default:
					e.skip()
				}
			})
		default:
			e.skip()
		}
	})
	return e.out
}

type excerpt struct {
	reader
	out []byte
}

// object writes an object of what member, standing at each value, copies.
func (e *excerpt) object(member func(name string)) {
	e.out = append(e.out, '{')
	for e.begin('{'); e.next('}'); {
		member(e.reader.key())
	}
	e.out = append(e.out, '}')
}

// only copies the members with these names.
func (e *excerpt) only(names ...string) (member func(name string)) {
	return func(name string) {
		if slices.Contains(names, name) {
			e.copy(name)
		} else {
			e.skip()
		}
	}
}

func (e *excerpt) key(name string) {
	if e.out[len(e.out)-1] != '{' {
		e.out = append(e.out, ',')
	}
	e.out = append(append(append(e.out, '"'), name...), `":`...)
}

func (e *excerpt) copy(name string) {
	e.key(name)
	e.peek()
	start := e.pos
	e.skip()
	e.out = append(e.out, e.data[start:e.pos]...)
}
