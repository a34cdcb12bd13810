package libcontainer

import (
	"testing"

	"github.com/rung-oci/rung/libcontainer/criu"
)

func TestParsePageServer(t *testing.T) {
	for text, want := range map[string]*criu.PageServer{
		"127.0.0.1:1":   {Address: "127.0.0.1", Port: 1},
		"node2:27000":   {Address: "node2", Port: 27000},
		"[::1]:65535":   {Address: "::1", Port: 65535},
		"[fe80::1%e]:2": {Address: "fe80::1%e", Port: 2},
		"":              nil,
		"nowhere":       nil,
		":1":            nil,
		"[]:1":          nil,
		"[::1:1":        nil,
		"::1:1":         nil,
		"a:":            nil,
		"a:x":           nil,
		"a:65536":       nil,
		"a:-1":          nil,
	} {
		got, err := parsePageServer(text)
		if (got == nil) != (want == nil) || (err == nil) != (want != nil) || got != nil && *got != *want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
}
