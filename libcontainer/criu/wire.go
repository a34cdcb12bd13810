package criu

import (
	"encoding/binary"
	"errors"
)

// Wire types of protocol buffers (protobuf.dev, "Encoding").
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

// A message is the encoded form of a protocol buffer. The methods append a field
// and leave out the zero value, except [message.number].
type message []byte

func (m *message) key(field, wire int) {
	*m = binary.AppendUvarint(*m, uint64(field)<<3|uint64(wire))
}

// number appends an integer. Negative ones have ten bytes, as int32 wants them.
func (m *message) number(field, v int) {
	m.key(field, wireVarint)
	*m = binary.AppendUvarint(*m, uint64(int64(v)))
}

func (m *message) optional(field, v int) {
	if v != 0 {
		m.number(field, v)
	}
}

func (m *message) flag(field int, v bool) {
	if v {
		m.number(field, 1)
	}
}

func (m *message) text(field int, s string) {
	if s != "" {
		m.bytes(field, []byte(s))
	}
}

// bytes appends an embedded message, or a string that may be empty.
func (m *message) bytes(field int, b []byte) {
	m.key(field, wireBytes)
	*m = binary.AppendUvarint(*m, uint64(len(b)))
	*m = append(*m, b...)
}

var errMessage = errors.New("not a protocol buffer")

// fields calls f for each field of a message: with the value of an integer, or
// with the bytes of everything else.
func fields(m []byte, f func(field int, number int, bytes []byte) error) error {
	for len(m) > 0 {
		key, n := binary.Uvarint(m)
		if n <= 0 || key>>3 == 0 {
			return errMessage
		}
		m = m[n:]
		var number uint64
		var bytes []byte
		switch key & 7 {
		case wireVarint:
			if number, n = binary.Uvarint(m); n <= 0 {
				return errMessage
			}
			m = m[n:]
		case wireBytes:
			size, n := binary.Uvarint(m)
			if n <= 0 || size > uint64(len(m)-n) {
				return errMessage
			}
			bytes, m = m[n:n+int(size)], m[n+int(size):]
		case wire64, wire32:
			size := 8
			if key&7 == wire32 {
				size = 4
			}
			if len(m) < size {
				return errMessage
			}
			bytes, m = m[:size], m[size:]
		default:
			return errMessage
		}
		if err := f(int(key>>3), int(int64(number)), bytes); err != nil {
			return err
		}
	}
	return nil
}
