package main

import (
	"os"
	"strings"
	"testing"
)

func TestReadExpected(t *testing.T) {
	got, err := readExpected(strings.NewReader(`
# comment
create pass
start fail 6/7 : the reason
caps  fail -  when no-cap-sys-resource : root lacks it
`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]expectation{
		"create": {pass: true},
		"start":  {counts: "6/7", reason: "the reason"},
		"caps":   {counts: "-", when: "no-cap-sys-resource", reason: "root lacks it"},
	}
	if len(got) != len(want) {
		t.Errorf("got %d lines, want %d", len(got), len(want))
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: got %+v, want %+v", name, got[name], want[name])
		}
	}
}

func TestReadExpectedRefuses(t *testing.T) {
	for _, line := range []string{
		"create",
		"create passes",
		"create fail 1/2",
		"create fail : no counts",
		"create pass : a pass needs no reason",
		"create fail 1/2 when full-moon : unknown condition",
		"create pass\ncreate pass",
	} {
		if _, err := readExpected(strings.NewReader(line)); err == nil {
			t.Errorf("accepted %q", line)
		}
	}
}

// The checked-in file keeps the promise of its own first lines.
func TestExpectedFile(t *testing.T) {
	f, err := os.Open("expected.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	expected, err := readExpected(f)
	if err != nil {
		t.Fatal(err)
	}
	var pass int
	for name, e := range expected {
		switch {
		case e.pass:
			pass++
		case e.reason == "":
			t.Errorf("%s: no reason", name)
		}
	}
	if len(expected) != 58 || pass != 45 {
		t.Errorf("got %d of %d, want 45 of 58", pass, len(expected))
	}
}

func TestCount(t *testing.T) {
	pass, fail := tally{passed: 3, planned: 3}, tally{passed: 2, failed: []string{"x"}, planned: 3}
	tests := []struct {
		name string
		r    result
		want expectation
		sum  summary
	}{
		{"expected pass", result{tally: pass}, expectation{pass: true}, summary{Pass: 1, Passed: 1}},
		{"unexpected failure", result{tally: fail}, expectation{pass: true}, summary{Failed: []string{""}}},
		{"unexpected pass", result{tally: pass}, expectation{counts: "2/3"}, summary{Pass: 1, Failed: []string{""}}},
		{"expected failure", result{tally: fail}, expectation{counts: "2/3"}, summary{Known: []string{""}}},
		{"expected failure, count not checked", result{tally: fail}, expectation{counts: "-"},
			summary{Known: []string{""}}},
		{"worse than expected", result{tally: fail}, expectation{counts: "3/3"}, summary{Failed: []string{""}}},
		{"asserts missing", result{tally: tally{passed: 1, planned: 2}}, expectation{pass: true},
			summary{Failed: []string{""}}},
		{"panics after its asserts", result{tally: pass, exit: "exit status 2"}, expectation{pass: true},
			summary{Failed: []string{""}}},
	}
	for _, test := range tests {
		var sum summary
		sum.count("name", test.r, test.want, true)
		if sum.Pass != test.sum.Pass || sum.Passed != test.sum.Passed || len(sum.Failed) != len(test.sum.Failed) ||
			len(sum.Known) != len(test.sum.Known) {
			t.Errorf("%s: got %+v, want %+v", test.name, sum, test.sum)
		}
	}
}
