package spec

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// EncodeResources returns linux.resources as encoding/json would write them, which
// takes half a millisecond to get to know the types.
func EncodeResources(r *specs.LinuxResources) []byte {
	return encodeLinuxResources(make([]byte, 0, 4096), r)
}

// AppendString appends a JSON string.
func AppendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // of a string there is no error
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// appendKey appends the name of an object's next property.
func appendKey(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(AppendString(b, name), ':')
}

func appendText[T ~string](b []byte, p *T) []byte { return AppendString(b, string(*p)) }

func appendBoolean[T ~bool](b []byte, p *T) []byte { return strconv.AppendBool(b, bool(*p)) }

func appendInteger[T anyInteger](b []byte, p *T) []byte {
	if *p < 0 {
		return strconv.AppendInt(b, int64(*p), 10)
	}
	return strconv.AppendUint(b, uint64(*p), 10)
}

func appendPointer[T any](b []byte, p **T, elem func([]byte, *T) []byte) []byte {
	if *p == nil {
		return append(b, "null"...)
	}
	return elem(b, *p)
}

func appendSlice[T any](b []byte, p *[]T, elem func([]byte, *T) []byte) []byte {
	if *p == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i := range *p {
		if i > 0 {
			b = append(b, ',')
		}
		b = elem(b, &(*p)[i])
	}
	return append(b, ']')
}

// appendMapping appends an object whose names are data, sorted.
func appendMapping[T any](b []byte, p *map[string]T, elem func([]byte, *T) []byte) []byte {
	if *p == nil {
		return append(b, "null"...)
	}
	b = append(b, '{')
	for _, name := range slices.Sorted(maps.Keys(*p)) {
		v := (*p)[name]
		b = elem(appendKey(b, name), &v)
	}
	return append(b, '}')
}
