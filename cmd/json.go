package cmd

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/spec"
)

// writeJSON writes v as an indented JSON document.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// appendState appends a container as state and list print it: the state of
// runtime.md with the properties that runc adds. The lines after the first are
// indented. It is written out because encoding/json, which has to get to know
// the type first, takes a tenth of the time of the whole command.
func appendState(b []byte, s *libcontainer.State, owner, indent string) []byte {
	property := func(name string) {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(append(b, '\n'), indent...)
		b = append(spec.AppendString(append(b, "  "...), name), ": "...)
	}
	text := func(name, value string) {
		property(name)
		b = spec.AppendString(b, value)
	}
	b = append(b, '{')
	text("ociVersion", s.Version)
	text("id", s.ID)
	property("pid")
	b = strconv.AppendInt(b, int64(s.Pid), 10)
	text("status", string(s.Status))
	text("bundle", s.Bundle)
	text("rootfs", s.Rootfs)
	text("created", s.Created.UTC().Format(time.RFC3339Nano))
	if len(s.Annotations) > 0 {
		property("annotations")
		b = appendStrings(b, s.Annotations, indent+"  ")
	}
	text("owner", owner)
	return append(append(append(b, '\n'), indent...), '}')
}

// appendStrings appends a map that is not empty as an object.
func appendStrings(b []byte, m map[string]string, indent string) []byte {
	for i, key := range slices.Sorted(maps.Keys(m)) {
		b = append(b, "{,"[min(i, 1)], '\n')
		b = append(append(b, indent...), "  "...)
		b = spec.AppendString(b, key)
		b = append(b, ": "...)
		b = spec.AppendString(b, m[key])
	}
	return append(append(append(b, '\n'), indent...), '}')
}
