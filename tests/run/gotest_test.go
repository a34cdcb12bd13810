package main

import (
	"io"
	"strings"
	"testing"
)

func TestCount(t *testing.T) {
	tests := []struct {
		name, events string
		want         string
		skipped      string
	}{
		{"leaves count, parents do not", `
			{"Action":"run","Package":"p","Test":"T"}
			{"Action":"run","Package":"p","Test":"T/a"}
			{"Action":"run","Package":"p","Test":"T/b"}
			{"Action":"pass","Package":"p","Test":"T/a"}
			{"Action":"pass","Package":"p","Test":"T/b"}
			{"Action":"pass","Package":"p","Test":"T"}
			{"Action":"pass","Package":"p"}`, "2 passed, 0 failed", ""},
		{"a subtest's failure counts once", `
			{"Action":"pass","Package":"p","Test":"T/a"}
			{"Action":"fail","Package":"p","Test":"T/b"}
			{"Action":"fail","Package":"p","Test":"T"}
			{"Action":"fail","Package":"p"}`, "1 passed, 1 failed", ""},
		{"a parent's own failure", `
			{"Action":"pass","Package":"p","Test":"T/a"}
			{"Action":"fail","Package":"p","Test":"T"}
			{"Action":"fail","Package":"p"}`, "1 passed, 1 failed", ""},
		{"skip", `
			{"Action":"output","Package":"p","Test":"T","Output":"    x_test.go:3: needs root\n"}
			{"Action":"skip","Package":"p","Test":"T"}
			{"Action":"pass","Package":"p"}`, "0 passed, 0 failed, 1 skipped", "p T: needs root"},
		{"a build failure", `
			{"Action":"build-output","ImportPath":"p","Output":"x.go:1: wrong\n"}
			{"Action":"build-fail","ImportPath":"p"}
			{"Action":"start","Package":"p"}
			{"Action":"fail","Package":"p","FailedBuild":"p"}`, "0 passed, 1 failed", ""},
		{"a package that fails after its tests", `
			{"Action":"pass","Package":"p","Test":"T"}
			{"Action":"fail","Package":"p"}`, "1 passed, 1 failed", ""},
		{"a test that never ends", `
			{"Action":"run","Package":"p","Test":"T"}
			{"Action":"fail","Package":"p"}`, "0 passed, 2 failed", ""},
		{"a package without tests", `
			{"Action":"skip","Package":"p"}`, "0 passed, 0 failed", ""},
	}
	for _, test := range tests {
		res, err := readEvents(strings.NewReader(test.events))
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		got := res.count(io.Discard)
		if got.line() != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got.line(), test.want)
		}
		if skipped := strings.Join(got.skipped, ";"); skipped != test.skipped {
			t.Errorf("%s: skipped %q, want %q", test.name, skipped, test.skipped)
		}
	}
}

func TestReadEventsRefusesOtherOutput(t *testing.T) {
	if _, err := readEvents(strings.NewReader("FAIL\n")); err == nil {
		t.Error("accepted output that is not JSON")
	}
}
