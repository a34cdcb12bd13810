package bus

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ParseText reads a value as GVariant's text format has it, in which annotations of engines
// are written: true, 12, uint64 2000000, 'text', ['a', 'b'], [uint32 1, 2], ('a', true),
// <'of any type'>, @as []. A number without a type is an int32, one with a point a double.
// Dictionaries and "nothing" are refused: no property of a unit is one.
func ParseText(text string) (Value, error) {
	p := &parser{rest: text}
	v, err := p.value("")
	if err == nil && p.peek() != 0 {
		err = fmt.Errorf("%q is left over", p.rest)
	}
	return v, err
}

type parser struct {
	rest  string
	depth int
}

// peek skips white space and returns what begins there, 0 at the end.
func (p *parser) peek() byte {
	p.rest = strings.TrimLeft(p.rest, " \t\n\v\f\r")
	if p.rest == "" {
		return 0
	}
	return p.rest[0]
}

func (p *parser) skip(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// word takes what belongs to a keyword, a number or a signature.
func (p *parser) word() string {
	n := strings.IndexAny(p.rest, " \t\n\v\f\r,[]()<>{}'\"")
	if p.rest[0] == '@' { // a signature has parentheses
		n = strings.IndexAny(p.rest, " \t\n\v\f\r")
	}
	if n < 0 {
		n = len(p.rest)
	}
	word := p.rest[:n]
	p.rest = p.rest[n:]
	return word
}

// keywords are the types that can be named.
var keywords = map[string]string{
	"boolean": "b", "byte": "y", "int16": "n", "uint16": "q", "int32": "i", "handle": "h", "uint32": "u",
	"int64": "x", "uint64": "t", "double": "d", "string": "s", "objectpath": "o", "signature": "g",
}

var errDeep = errors.New("nested too deeply")

// value reads one value, which is of the type where that is known.
func (p *parser) value(known string) (Value, error) {
	if p.depth++; p.depth > 32 {
		return nil, errDeep
	}
	defer func() { p.depth-- }()
	switch c := p.peek(); {
	case c == 0:
		return nil, errors.New("a value is missing")
	case c == '\'', c == '"':
		s, err := p.quoted()
		if err != nil {
			return nil, err
		}
		return stringOf(known, s)
	case c == '[':
		return p.array(known)
	case c == '(':
		return p.tuple(known)
	case c == '<':
		return p.variant(known)
	case c == '@':
		return p.typed(known, p.word()[1:])
	}
	word := p.word()
	if word == "" {
		return nil, fmt.Errorf("%q is no value", p.rest)
	}
	if t, ok := keywords[word]; ok {
		return p.typed(known, t)
	}
	return plain(known, word)
}

// typed reads a value behind its type.
func (p *parser) typed(known, named string) (Value, error) {
	if known != "" && known != named {
		return nil, fmt.Errorf("a value of type %q where %q is needed", named, known)
	}
	if !whole(named) {
		return nil, fmt.Errorf("%q is no type", named)
	}
	return p.value(named)
}

func (p *parser) array(known string) (Value, error) {
	of := ""
	if known != "" {
		if known[0] != 'a' {
			return nil, mistaken("an array", known)
		}
		of = known[1:]
	}
	a := Array{Of: of}
	err := p.list('[', ']', func(int) error {
		v, err := p.value(a.Of)
		if err == nil {
			a.Of = v.Type()
			a.Values = append(a.Values, v)
		}
		return err
	})
	if err == nil && a.Of == "" {
		err = errors.New("an empty array without a type, such as @as []")
	}
	return a, err
}

func (p *parser) tuple(known string) (Value, error) {
	var fields []string
	if known != "" {
		if known[0] != '(' {
			return nil, mistaken("a tuple", known)
		}
		fields = split(known[1 : len(known)-1])
	}
	var s Struct
	err := p.list('(', ')', func(i int) error {
		of := ""
		if known != "" {
			if i >= len(fields) {
				return fmt.Errorf("more than the %d values of %q", len(fields), known)
			}
			of = fields[i]
		}
		v, err := p.value(of)
		s = append(s, v)
		return err
	})
	if err == nil && (len(s) == 0 || known != "" && len(s) < len(fields)) {
		err = errors.New("a tuple with too few values")
	}
	return s, err
}

// list reads values between brackets, with commas between them and perhaps behind the last.
func (p *parser) list(open, end byte, value func(i int) error) error {
	p.skip(open)
	for i := 0; !p.skip(end); i++ {
		if err := value(i); err != nil {
			return err
		}
		if !p.skip(',') && p.peek() != end {
			return fmt.Errorf("%q where a comma or %q is needed", p.rest, end)
		}
	}
	return nil
}

func (p *parser) variant(known string) (Value, error) {
	if known != "" && known != "v" {
		return nil, mistaken("a variant", known)
	}
	p.skip('<')
	v, err := p.value("")
	if err == nil && !p.skip('>') {
		err = fmt.Errorf("%q where '>' is needed", p.rest)
	}
	return Variant{v}, err
}

// quoted reads a string in either kind of quotes. Behind a backslash most characters stand for
// themselves.
func (p *parser) quoted() (string, error) {
	quote := p.rest[0]
	var b strings.Builder
	for rest := p.rest[1:]; rest != ""; {
		c := rest[0]
		rest = rest[1:]
		switch {
		case c == quote:
			p.rest = rest
			return b.String(), nil
		case c != '\\' || rest == "":
			b.WriteByte(c)
			continue
		}
		c = rest[0]
		rest = rest[1:]
		if digits := map[byte]int{'u': 4, 'U': 8}[c]; digits > 0 {
			n, err := strconv.ParseUint(rest[:min(digits, len(rest))], 16, 32)
			if err != nil || len(rest) < digits {
				return "", fmt.Errorf("%s: \\%c needs %d hexadecimal digits", p.rest, c, digits)
			}
			b.WriteRune(rune(n))
			rest = rest[digits:]
		} else if i := strings.IndexByte("abfnrtv", c); i >= 0 {
			b.WriteByte("\a\b\f\n\r\t\v"[i])
		} else if c != '\n' { // else it goes on in the next line
			b.WriteByte(c)
		}
	}
	return "", fmt.Errorf("%s: no quote ends it", p.rest)
}

func mistaken(what, known string) error { return fmt.Errorf("%s where %q is needed", what, known) }

func stringOf(known, s string) (Value, error) {
	if strings.IndexByte(s, 0) >= 0 {
		return nil, fmt.Errorf("%q: contains NUL", s)
	}
	switch known {
	case "", "s":
		return String(s), nil
	case "o":
		return ObjectPath(s), nil
	case "g":
		if len(s) > 255 {
			return nil, fmt.Errorf("%q: too long for a signature", s)
		}
		return Signature(s), nil
	}
	return nil, mistaken(strconv.Quote(s), known)
}

// plain reads true, false and numbers.
func plain(known, word string) (Value, error) {
	if known == "" {
		switch {
		case word == "true", word == "false":
			known = "b"
		case isDouble(word):
			known = "d"
		default:
			known = "i"
		}
	}
	signed := func(bits int) (int64, error) { return strconv.ParseInt(word, 0, bits) }
	unsigned := func(bits int) (uint64, error) { return strconv.ParseUint(word, 0, bits) }
	var v Value
	var err error
	var i int64
	var u uint64
	switch known {
	case "b":
		if word != "true" && word != "false" {
			err = strconv.ErrSyntax
		}
		v = Bool(word == "true")
	case "y":
		u, err = unsigned(8)
		v = Byte(u)
	case "n":
		i, err = signed(16)
		v = Int16(i)
	case "q":
		u, err = unsigned(16)
		v = Uint16(u)
	case "i":
		i, err = signed(32)
		v = Int32(i)
	case "u":
		u, err = unsigned(32)
		v = Uint32(u)
	case "x":
		i, err = signed(64)
		v = Int64(i)
	case "t":
		u, err = unsigned(64)
		v = Uint64(u)
	case "d":
		var f float64
		f, err = strconv.ParseFloat(word, 64)
		v = Double(f)
	default:
		return nil, mistaken(word, known)
	}
	if e := (*strconv.NumError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	if err != nil {
		return nil, fmt.Errorf("%q as a value of type %q: %w", word, known, err)
	}
	return v, nil
}

func isDouble(word string) bool {
	word = strings.TrimLeft(word, "+-")
	return !strings.HasPrefix(word, "0x") && strings.ContainsAny(word, ".eE") || word == "inf" || word == "nan"
}

// split divides a signature into those of its complete types; nil if it is none.
func split(signature string) (list []string) {
	for signature != "" {
		n := first(signature)
		if n == 0 {
			return nil
		}
		list = append(list, signature[:n])
		signature = signature[n:]
	}
	return list
}

// whole reports whether the signature is one complete type.
func whole(signature string) bool {
	return signature != "" && len(signature) <= 255 && first(signature) == len(signature)
}

// first is the length of the first complete type, 0 if there is none.
func first(s string) int {
	switch {
	case s == "":
		return 0
	case s[0] == 'a':
		if n := first(s[1:]); n > 0 {
			return 1 + n
		}
		return 0
	case s[0] != '(':
		if strings.IndexByte("ybnqiuxtdsogv", s[0]) < 0 {
			return 0
		}
		return 1
	}
	for at := 1; at < len(s); {
		if s[at] == ')' && at > 1 {
			return at + 1
		}
		n := first(s[at:])
		if n == 0 {
			return 0
		}
		at += n
	}
	return 0
}
