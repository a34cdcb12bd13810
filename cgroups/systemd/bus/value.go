package bus

import (
	"encoding/binary"
	"math"
	"strings"
)

// A Value is a value of D-Bus: it knows its type, and how to write itself.
type Value interface {
	// Type is the signature.
	Type() string
	// append writes the value, aligned as its type wants it from the start of b on.
	append(b []byte) []byte
}

// The basic types, each with the letter of its signature.
type (
	Byte       byte    // y
	Bool       bool    // b
	Int16      int16   // n
	Uint16     uint16  // q
	Int32      int32   // i
	Uint32     uint32  // u
	Int64      int64   // x
	Uint64     uint64  // t
	Double     float64 // d
	String     string  // s
	ObjectPath string  // o
	Signature  string  // g
)

// An Array has elements of one type, also where it has none.
type Array struct {
	Of     string // the signature of an element
	Values []Value
}

// A Struct has fields of any types.
type Struct []Value

// A Variant carries its type along.
type Variant struct{ Value }

// ArrayOf makes an array of values of one type, which the first shows.
func ArrayOf(first Value, more ...Value) Array {
	return Array{Of: first.Type(), Values: append([]Value{first}, more...)}
}

// Bytes are an array of bytes.
func Bytes(b []byte) Array {
	a := Array{Of: "y", Values: make([]Value, len(b))}
	for i := range b {
		a.Values[i] = Byte(b[i])
	}
	return a
}

// Type implements Value.
func (Byte) Type() string       { return "y" }
func (Bool) Type() string       { return "b" }
func (Int16) Type() string      { return "n" }
func (Uint16) Type() string     { return "q" }
func (Int32) Type() string      { return "i" }
func (Uint32) Type() string     { return "u" }
func (Int64) Type() string      { return "x" }
func (Uint64) Type() string     { return "t" }
func (Double) Type() string     { return "d" }
func (String) Type() string     { return "s" }
func (ObjectPath) Type() string { return "o" }
func (Signature) Type() string  { return "g" }
func (a Array) Type() string    { return "a" + a.Of }
func (Variant) Type() string    { return "v" }

// Type implements Value.
func (s Struct) Type() string {
	var b strings.Builder
	b.WriteByte('(')
	for _, v := range s {
		b.WriteString(v.Type())
	}
	b.WriteByte(')')
	return b.String()
}

// order is that of the messages: the one of the machines that rung runs on, whose
// service managers speak it, too.
var order = binary.LittleEndian

func align(b []byte, n int) []byte {
	for len(b)%n != 0 {
		b = append(b, 0)
	}
	return b
}

// alignment of a type, by the first letter of its signature.
func alignment(signature string) int {
	switch signature[0] {
	case 'y', 'g', 'v':
		return 1
	case 'n', 'q':
		return 2
	case 'x', 't', 'd', '(', '{':
		return 8
	}
	return 4
}

func append16(b []byte, n uint16) []byte { return order.AppendUint16(align(b, 2), n) }
func append32(b []byte, n uint32) []byte { return order.AppendUint32(align(b, 4), n) }
func append64(b []byte, n uint64) []byte { return order.AppendUint64(align(b, 8), n) }

func appendString(b []byte, s string) []byte {
	return append(append(append32(b, uint32(len(s))), s...), 0)
}

func (v Byte) append(b []byte) []byte       { return append(b, byte(v)) }
func (v Int16) append(b []byte) []byte      { return append16(b, uint16(v)) }
func (v Uint16) append(b []byte) []byte     { return append16(b, uint16(v)) }
func (v Int32) append(b []byte) []byte      { return append32(b, uint32(v)) }
func (v Uint32) append(b []byte) []byte     { return append32(b, uint32(v)) }
func (v Int64) append(b []byte) []byte      { return append64(b, uint64(v)) }
func (v Uint64) append(b []byte) []byte     { return append64(b, uint64(v)) }
func (v Double) append(b []byte) []byte     { return append64(b, math.Float64bits(float64(v))) }
func (v String) append(b []byte) []byte     { return appendString(b, string(v)) }
func (v ObjectPath) append(b []byte) []byte { return appendString(b, string(v)) }

func (v Bool) append(b []byte) []byte {
	if v {
		return append32(b, 1)
	}
	return append32(b, 0)
}

func (v Signature) append(b []byte) []byte {
	return append(append(append(b, byte(len(v))), v...), 0)
}

// append writes the length, which does not count the padding before the first element.
func (a Array) append(b []byte) []byte {
	b = append32(b, 0)
	length := len(b) - 4
	b = align(b, alignment(a.Of))
	start := len(b)
	for _, v := range a.Values {
		b = v.append(b)
	}
	order.PutUint32(b[length:], uint32(len(b)-start))
	return b
}

func (s Struct) append(b []byte) []byte {
	b = align(b, 8)
	for _, v := range s {
		b = v.append(b)
	}
	return b
}

func (v Variant) append(b []byte) []byte {
	return v.Value.append(Signature(v.Value.Type()).append(b))
}
