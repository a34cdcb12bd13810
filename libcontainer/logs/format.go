package logs

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// appendJSON appends the message as a JSON object, RFC 8259, and a newline.
func appendJSON(b []byte, level Level, msg, time string, fields []Field) []byte {
	separator := byte('{')
	for _, f := range append([]Field{{"level", level.String()}, {"msg", msg}, {"time", time}}, fields...) {
		b = appendJSONString(append(b, separator), f.Key)
		b = appendJSONString(append(b, ':'), f.Value)
		separator = ','
	}
	return append(b, '}', '\n')
}

func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s { // invalid UTF-8 becomes U+FFFD
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\t':
			b = append(b, '\\', 't')
		case r < ' ' || r == 0x7f:
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// appendText appends the message as logfmt and a newline.
func appendText(b []byte, level Level, msg, time string, fields []Field) []byte {
	b = appendPair(b, Field{"time", time})
	b = appendPair(append(b, ' '), Field{"level", level.String()})
	b = appendPair(append(b, ' '), Field{"msg", msg})
	for _, f := range fields {
		b = appendPair(append(b, ' '), f)
	}
	return append(b, '\n')
}

func appendPair(b []byte, f Field) []byte {
	b = append(append(b, f.Key...), '=')
	if isBare(f.Value) {
		return append(b, f.Value...)
	}
	return strconv.AppendQuote(b, f.Value)
}

// isBare reports whether a logfmt value needs no quotes.
func isBare(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '/', c == '@', c == '^', c == '+':
		default:
			return false
		}
	}
	return s != ""
}

// newlines as people see them, and as programs do, for which a message is a line.
const indented, escaped = "\n  ", `\n`

// appendPlain appends the message for people: what happened, and below it what
// can be done. What is no error says what it is first.
//
//	rung: mounting tmpfs on /tmp: fsconfig: invalid argument
//	hint: …
func appendPlain(b []byte, level Level, msg string, fields []Field) []byte {
	b = append(b, "rung: "...)
	if level != LevelError {
		b = append(append(b, level.String()...), ": "...)
	}
	b = append(appendShown(b, msg, indented), '\n')
	for _, f := range fields {
		if f.Key == "hint" {
			b = append(appendShown(append(b, "hint: "...), f.Value, indented), '\n')
		}
	}
	return b
}

// appendShown appends text without what a terminal would obey instead of
// showing: a message can have a name in it that an image made up, or a hook's output. newline
// is written for each: of more lines than one none looks like one of rung's own.
func appendShown(b []byte, s, newline string) []byte {
	for _, r := range s {
		switch {
		case r == '\n':
			b = append(b, newline...)
		case r == '\t' || unicode.IsPrint(r) && r != utf8.RuneError:
			b = utf8.AppendRune(b, r)
		default:
			quoted := strconv.AppendQuoteRune(nil, r)
			b = append(b, quoted[1:len(quoted)-1]...)
		}
	}
	return b
}
