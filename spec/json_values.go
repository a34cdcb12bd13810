package spec

import (
	"fmt"
	"reflect"
	"strconv"
)

// text reads a string.
func text[T ~string](r *reader, p *T) {
	switch r.peek() {
	case '"':
		*p = T(r.str())
	case 'n':
		r.literal("null")
	default:
		r.mismatch("a string")
	}
}

// boolean reads true or false.
func boolean[T ~bool](r *reader, p *T) {
	switch r.peek() {
	case 't':
		r.literal("true")
		*p = true
	case 'f':
		r.literal("false")
		*p = false
	case 'n':
		r.literal("null")
	default:
		r.mismatch("a boolean")
	}
}

// An anyInteger is a type of the numbers of the specification.
type anyInteger interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// integer reads a number that has neither fraction nor exponent and fits T.
func integer[T anyInteger](r *reader, p *T) {
	switch c := r.peek(); {
	case c == 'n':
		r.literal("null")
		return
	case c != '-' && (c < '0' || '9' < c):
		r.mismatch("an integer")
		return
	}
	offset := r.pos
	literal, whole := r.number()
	if v, ok := parse[T](literal); whole && ok {
		*p = v
		return
	}
	kind := reflect.TypeFor[T]().Kind()
	r.notes = append(r.notes, note{offset: offset, text: fmt.Sprintf("%s is not an integer of type %s", literal, kind)})
}

// parse returns the value of an optional minus sign and decimal digits.
func parse[T anyInteger](literal string) (T, bool) {
	bits := reflect.TypeFor[T]().Bits()
	if ^T(0) < 0 { // T is signed
		n, err := strconv.ParseInt(literal, 10, bits)
		return T(n), err == nil
	}
	n, err := strconv.ParseUint(literal, 10, bits)
	return T(n), err == nil
}

// pointer reads a value into a new variable, or into the one that a previous
// property of the same name made.
func pointer[T any](r *reader, p **T, elem func(*reader, *T)) {
	if r.null() {
		*p = nil
		return
	}
	if *p == nil {
		*p = new(T)
	}
	elem(r, *p)
}

// slice reads an array. Where a property is repeated, the elements are read
// over those of the previous array, which is what encoding/json does.
func slice[T any](r *reader, p *[]T, elem func(*reader, *T)) {
	if r.null() {
		*p = nil
		return
	}
	if !r.begin('[') {
		return
	}
	s, n := *p, 0
	for r.next(']') {
		switch {
		case n == cap(s):
			s = append(s[:n], *new(T))
		case n >= len(s):
			s = s[:n+1]
		}
		elem(r, &s[n])
		n++
	}
	if n == 0 {
		s = []T{}
	}
	*p = s[:n]
}

// mapping reads an object whose names are data. The values of a repeated
// property are added to those of the previous one.
func mapping[T any](r *reader, p *map[string]T, elem func(*reader, *T)) {
	if r.null() {
		*p = nil
		return
	}
	if !r.begin('{') {
		return
	}
	if *p == nil {
		*p = make(map[string]T)
	}
	for r.next('}') {
		name := r.key()
		var v T
		elem(r, &v)
		(*p)[name] = v
	}
}
