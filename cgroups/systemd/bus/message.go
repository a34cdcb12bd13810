package bus

import (
	"errors"
	"fmt"
)

// The kinds of messages: D-Bus specification, "Message Format".
const (
	methodCall   = 1
	methodReturn = 2
	callFailed   = 3
	signal       = 4
)

// The fields of a header that are read or written here.
const (
	fieldPath        = 1
	fieldInterface   = 2
	fieldMember      = 3
	fieldErrorName   = 4
	fieldReplySerial = 5
	fieldDestination = 6
	fieldSignature   = 8
)

const (
	fixedHeader = 16      // up to the length of the fields, it included
	maxMessage  = 1 << 27 // as the specification allows
)

// A Call is what is asked of an object.
type Call struct {
	Destination string // the name of a service on the bus; left out on a direct connection
	Path        ObjectPath
	Interface   string
	Method      string
	Args        []Value
}

// A Message is one that has come: an answer or a signal.
type Message struct {
	kind      byte
	reply     uint32 // the serial of the call that it answers
	Path      string
	Interface string
	Member    string
	errorName string
	signature string
	body      []byte
}

// append adds the call to what is sent.
func (c *Call) append(b []byte, serial uint32, direct bool) []byte {
	var signature string
	var body []byte
	for _, v := range c.Args {
		signature += v.Type()
		body = v.append(body)
	}
	fields := Array{Of: "(yv)"}
	field := func(code Byte, v Value) {
		fields.Values = append(fields.Values, Struct{code, Variant{v}})
	}
	field(fieldPath, c.Path)
	field(fieldMember, String(c.Method))
	field(fieldInterface, String(c.Interface))
	if !direct {
		field(fieldDestination, String(c.Destination))
	}
	if signature != "" {
		field(fieldSignature, Signature(signature))
	}
	m := []byte{'l', methodCall, 0, 1}
	m = append32(m, uint32(len(body)))
	m = append32(m, serial)
	m = align(fields.append(m), 8)
	return append(append(b, m...), body...)
}

var errMalformed = errors.New("malformed message")

// parse takes the first message off b. It returns nil when there is more to come.
func parse(b []byte) (m *Message, size int, err error) {
	if len(b) < fixedHeader {
		return nil, 0, nil
	}
	if b[0] != 'l' || b[3] != 1 {
		return nil, 0, fmt.Errorf("%w: byte order %q, protocol %d", errMalformed, b[0], b[3])
	}
	body, fields := uint64(order.Uint32(b[4:])), uint64(order.Uint32(b[12:]))
	header := (fixedHeader + fields + 7) &^ 7
	if header+body > maxMessage {
		return nil, 0, fmt.Errorf("%w: %d bytes", errMalformed, header+body)
	}
	if uint64(len(b)) < header+body {
		return nil, 0, nil
	}
	m = &Message{kind: b[1], body: b[header : header+body]}
	return m, int(header + body), m.header(b[:fixedHeader+fields])
}

func (m *Message) header(b []byte) error {
	d := Decoder{b: b, at: fixedHeader}
	for d.at < len(b) && d.err == nil {
		d.align(8)
		code := d.byte()
		switch signature := d.signature(); signature {
		case "s", "o":
			if s := d.String(); !m.text(code, s) {
				continue
			}
		case "g":
			if s := d.signature(); code == fieldSignature {
				m.signature = s
			}
		case "u":
			if n := d.Uint32(); code == fieldReplySerial {
				m.reply = n
			}
		default:
			return fmt.Errorf("%w: a header field of type %q", errMalformed, signature)
		}
	}
	return d.err
}

func (m *Message) text(code byte, s string) bool {
	switch code {
	case fieldPath:
		m.Path = s
	case fieldInterface:
		m.Interface = s
	case fieldMember:
		m.Member = s
	case fieldErrorName:
		m.errorName = s
	default:
		return false
	}
	return true
}

// Body reads what the message carries.
func (m *Message) Body() *Decoder { return &Decoder{b: m.body} }

// err is the error that the message is, or nil.
func (m *Message) err() error {
	if m.kind != callFailed {
		return nil
	}
	e := &Error{Name: m.errorName}
	if len(m.signature) > 0 && m.signature[0] == 's' {
		e.Text = m.Body().String()
	}
	return e
}

// An Error is the other side's answer to a call.
type Error struct {
	Name string // such as "org.freedesktop.systemd1.UnitExists"
	Text string // for people
}

func (e *Error) Error() string {
	if e.Text == "" {
		return e.Name
	}
	return e.Text
}

// Is reports whether err is the other side's answer of that name.
func Is(err error, name string) bool {
	e := (*Error)(nil)
	return errors.As(err, &e) && e.Name == name
}

// A Decoder reads values one after the other. After an error all that follow are zero.
type Decoder struct {
	b   []byte
	at  int
	err error
}

// Err tells whether what was read was there.
func (d *Decoder) Err() error { return d.err }

func (d *Decoder) take(n int) []byte {
	if d.err == nil && (n < 0 || n > len(d.b)-d.at) {
		d.err = fmt.Errorf("%w: it ends too early", errMalformed)
	}
	if d.err != nil {
		return nil
	}
	d.at += n
	return d.b[d.at-n : d.at]
}

func (d *Decoder) align(n int) { d.take(-d.at & (n - 1)) }

func (d *Decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Uint32 reads a u.
func (d *Decoder) Uint32() uint32 {
	d.align(4)
	if b := d.take(4); b != nil {
		return order.Uint32(b)
	}
	return 0
}

// String reads an s or an o.
func (d *Decoder) String() string {
	s := string(d.take(int(d.Uint32())))
	d.take(1)
	return s
}

func (d *Decoder) signature() string {
	s := string(d.take(int(d.byte())))
	d.take(1)
	return s
}

// VariantString reads a v that is a string.
func (d *Decoder) VariantString() string {
	if signature := d.signature(); signature != "s" && d.err == nil {
		d.err = fmt.Errorf("%w: %q in place of a string", errMalformed, signature)
	}
	return d.String()
}
