package spec

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is the number of nested objects and arrays that the reader accepts.
// It is the limit of encoding/json.
const maxDepth = 10000

// A SyntaxError says where a document stops being JSON (RFC 8259).
type SyntaxError struct {
	Line, Column int // both count from 1; columns count bytes
	Message      string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// A note is something to tell about one place of a document. The path of the
// place is computed at the end, and only if there is a note.
type note struct {
	offset  int    // of the first byte of the property's name or of the value
	unknown bool   // an unknown property, not a mismatched value
	text    string // the hint or the message
}

// A reader walks once, from left to right, over a JSON document. It accepts
// what encoding/json accepts and gives the same values: invalid UTF-8 and
// lone surrogates become U+FFFD, null leaves scalars and objects as they are.
//
// The document is a string, so that a string without escapes is a part of it
// and needs no memory of its own.
//
// After the first syntax error the reader stands at the end of the document:
// the methods go on to work, and read nothing more.
type reader struct {
	data  string
	pos   int
	depth int
	first bool // the reader stands before the first element of an object or array
	keyAt int  // offset of the name that key returned last
	err   *SyntaxError
	notes []note // in the order of their offsets
}

// peek skips white space and returns the next byte without consuming it, or 0
// at the end of the document.
func (r *reader) peek() byte {
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

// fail records a syntax error at the given offset, unless there is one already.
func (r *reader) fail(offset int, message string) {
	if r.err == nil {
		before := r.data[:offset]
		if offset == len(r.data) {
			message = "unexpected end of the document"
		}
		r.err = &SyntaxError{
			Line:    1 + strings.Count(before, "\n"),
			Column:  offset - strings.LastIndexByte(before, '\n'),
			Message: message,
		}
	}
	r.pos = len(r.data)
}

// end checks that nothing follows the value that was read last.
func (r *reader) end() {
	if r.peek(); r.pos < len(r.data) {
		r.fail(r.pos, "unexpected data after the document")
	}
}

// begin enters the object or array that starts with open, '{' or '['. For any
// other value it returns false: a null is read silently, the rest is a mismatch.
func (r *reader) begin(open byte) bool {
	switch r.peek() {
	case open:
		r.enter()
		return r.err == nil
	case 'n':
		r.literal("null")
	default:
		if open == '{' {
			r.mismatch("an object")
		} else {
			r.mismatch("an array")
		}
	}
	return false
}

// enter consumes the bracket that opens an object or array.
func (r *reader) enter() {
	if r.depth++; r.depth > maxDepth {
		r.fail(r.pos, "too many nested objects and arrays")
		return
	}
	r.pos++
	r.first = true
}

// next moves to the next element of an object or array and reports whether
// there is one. If not, it has consumed the closing bracket.
func (r *reader) next(closing byte) bool {
	c, first := r.peek(), r.first
	r.first = false
	switch {
	case r.err != nil:
		return false
	case c == closing:
		r.pos++
		r.depth--
		return false
	case first:
		return true
	case c == ',':
		r.pos++
		return true
	}
	r.fail(r.pos, fmt.Sprintf("want ',' or %q", closing))
	return false
}

// key reads the name of a property and the colon behind it.
func (r *reader) key() string {
	if r.peek() != '"' {
		r.fail(r.pos, "want the name of a property")
		return ""
	}
	r.keyAt = r.pos
	name := r.str()
	if r.peek() != ':' {
		r.fail(r.pos, "want ':'")
		return ""
	}
	r.pos++
	return name
}

// literal reads word, one of null, true and false.
func (r *reader) literal(word string) {
	if !strings.HasPrefix(r.data[r.pos:], word) {
		r.fail(r.pos, "want "+word)
		return
	}
	r.pos += len(word)
}

// null reads a null and reports whether there was one.
func (r *reader) null() bool {
	if r.peek() != 'n' {
		return false
	}
	r.literal("null")
	return true
}

// str reads a string; the reader stands at its opening quote.
func (r *reader) str() string {
	start := r.pos + 1
	ascii := true
	for i := start; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '"':
			s := r.data[start:i]
			if !ascii && !utf8.ValidString(s) {
				return r.unquote(start)
			}
			r.pos = i + 1
			return s
		case c == '\\':
			return r.unquote(start)
		case c < ' ':
			r.fail(i, "control character in a string")
			return ""
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.fail(len(r.data), "")
	return ""
}

// unquote reads the string whose text starts at offset i, replacing its
// escapes and what is not UTF-8.
func (r *reader) unquote(i int) string {
	var b strings.Builder
	for i < len(r.data) {
		switch c := r.data[i]; {
		case c == '"':
			r.pos = i + 1
			return b.String()
		case c < ' ':
			r.fail(i, "control character in a string")
			return ""
		case c == '\\':
			char, size := unescape(r.data[i:])
			if size == 0 {
				r.fail(i, "invalid escape in a string")
				return ""
			}
			b.WriteRune(char)
			i += size
		case c < utf8.RuneSelf:
			b.WriteByte(c)
			i++
		default:
			char, size := utf8.DecodeRuneInString(r.data[i:])
			b.WriteRune(char)
			i += size
		}
	}
	r.fail(len(r.data), "")
	return ""
}

// unescape returns the character that the escape sequence at the start of s
// stands for, and the sequence's length; the length is 0 if it is not valid.
func unescape(s string) (char rune, size int) {
	if len(s) < 2 {
		return 0, 0
	}
	const letters, characters = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i := strings.IndexByte(letters, s[1]); i >= 0 {
		return rune(characters[i]), 2
	}
	unit, ok := codeUnit(s)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(unit) {
		return unit, 6
	}
	if low, ok := codeUnit(s[6:]); ok {
		if pair := utf16.DecodeRune(unit, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// codeUnit returns the UTF-16 code unit of the \uXXXX at the start of s.
func codeUnit(s string) (unit rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil
}

// number reads a number and returns its text; whole is false if the text has a
// fraction or an exponent.
func (r *reader) number() (text string, whole bool) {
	start, i := r.pos, r.pos
	if r.at(i) == '-' {
		i++
	}
	digits := r.digits(i)
	switch {
	case digits == i:
		r.fail(i, "want a value")
		return "", false
	case r.data[i] == '0':
		digits = i + 1
	}
	i, whole = digits, true
	if r.at(i) == '.' {
		whole = false
		if digits = r.digits(i + 1); digits == i+1 {
			r.fail(digits, "want a digit")
			return "", false
		}
		i = digits
	}
	if r.at(i)|' ' == 'e' {
		whole = false
		i++
		if c := r.at(i); c == '+' || c == '-' {
			i++
		}
		if digits = r.digits(i); digits == i {
			r.fail(digits, "want a digit")
			return "", false
		}
		i = digits
	}
	r.pos = i
	return r.data[start:i], whole
}

// at returns the byte at offset i, or 0 behind the end.
func (r *reader) at(i int) byte {
	if i < len(r.data) {
		return r.data[i]
	}
	return 0
}

// digits returns the offset of the first byte from i on that is not a digit.
func (r *reader) digits(i int) int {
	for i < len(r.data) && '0' <= r.data[i] && r.data[i] <= '9' {
		i++
	}
	return i
}

// skip reads any value and drops it.
func (r *reader) skip() {
	switch r.peek() {
	case '{':
		for r.enter(); r.next('}'); {
			r.key()
			r.skip()
		}
	case '[':
		for r.enter(); r.next(']'); {
			r.skip()
		}
	case '"':
		r.str()
	case 'n':
		r.literal("null")
	case 't':
		r.literal("true")
	case 'f':
		r.literal("false")
	default:
		r.number()
	}
}

// mismatch reads a value that is not of the type that the specification wants.
func (r *reader) mismatch(want string) {
	have := "a number"
	switch r.peek() {
	case '{':
		have = "an object"
	case '[':
		have = "an array"
	case '"':
		have = "a string"
	case 't', 'f':
		have = "a boolean"
	}
	r.notes = append(r.notes, note{offset: r.pos, text: "want " + want + ", have " + have})
	r.skip()
}
