package bus

import (
	"reflect"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

func TestParseText(t *testing.T) {
	for text, want := range map[string]Value{
		"true":                         Bool(true),
		" false ":                      Bool(false),
		"12":                           Int32(12),
		"-12":                          Int32(-12),
		"0x10":                         Int32(16),
		"010":                          Int32(8),
		"1.5":                          Double(1.5),
		"uint64 2000000":               Uint64(2000000),
		"uint64  18446744073709551615": Uint64(1<<64 - 1),
		"byte 0xff":                    Byte(255),
		"int16 -1":                     Int16(-1),
		"uint16 1":                     Uint16(1),
		"uint32 1":                     Uint32(1),
		"int64 -1":                     Int64(-1),
		"double 1":                     Double(1),
		"boolean true":                 Bool(true),
		"string 'a'":                   String("a"),
		"'inactive-or-failed'":         String("inactive-or-failed"),
		`"\x\
y"`: String("xy"),
		`"a\tb\"\u00e9"`:           String("a\tb\"é"),
		"objectpath '/a'":          ObjectPath("/a"),
		"signature 'as'":           Signature("as"),
		"['a', 'b']":               ArrayOf(String("a"), String("b")),
		"['a',]":                   ArrayOf(String("a")),
		"[uint64 1, 2]":            ArrayOf(Uint64(1), Uint64(2)),
		"@as []":                   Array{Of: "s"},
		"@t 5":                     Uint64(5),
		"@a(st) [('/dev/sda', 5)]": ArrayOf(Struct{String("/dev/sda"), Uint64(5)}),
		"('a', true)":              Struct{String("a"), Bool(true)},
		"<uint32 1>":               Variant{Uint32(1)},
		"[[byte 1], []]":           ArrayOf(ArrayOf(Byte(1)), Array{Of: "y"}),
	} {
		got, err := ParseText(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %#v, %v, want %#v", text, got, err, want)
		}
	}
}

func TestParseTextRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "a value is missing",
		"uint64":                "a value is missing",
		"word":                  `"word" as a value of type "i"`,
		"true false":            "left over",
		"uint64 -1":             "invalid syntax",
		"byte 256":              "out of range",
		"2147483648":            "out of range",
		"'open":                 "no quote ends it",
		"[]":                    "an empty array without a type",
		"[1, 'a']":              `where "i" is needed`,
		"[1":                    "a comma",
		"[1 2]":                 "a comma",
		"()":                    "too few",
		"@(ss) ('a',)":          "too few",
		"@(s) ('a', 'b')":       "more than the 1",
		"@zz 1":                 "is no type",
		"@a 1":                  "is no type",
		"{'a': 1}":              "is no value",
		"uint32 'a'":            `where "u" is needed`,
		"'a\x00b'":              "contains NUL",
		"<1":                    "'>' is needed",
		strings.Repeat("[", 99): "nested too deeply",
		"handle 1":              "is no type",
	} {
		if got, err := ParseText(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %#v, %v, want %q", text, got, err, want)
		}
	}
}

// Whatever is a value here is the same one to the library, by which runc reads annotations.
func FuzzParseText(f *testing.F) {
	for _, text := range []string{"uint64 5", "['a', 'b']", "@a(st) [('a', 1)]", `"\x41"`, "<1.5>", "[[byte 1], []]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseText(text)
		// it reads 0.8 as 0, +010 as 10, \v as v
		if err != nil || strings.Contains(v.Type(), "d") || strings.ContainsAny(text, "+\\") {
			return
		}
		theirs, err := dbus.ParseVariant(text, dbus.Signature{})
		if err != nil {
			return // it knows less of some things
		}
		if got := plainValue(v); !reflect.DeepEqual(flat(theirs.Value()), got) {
			t.Fatalf("%q: %#v, godbus has %#v", text, got, theirs.Value())
		}
	})
}
