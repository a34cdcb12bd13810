package spec

import "testing"

func TestCheckUnambiguous(t *testing.T) {
	for document, want := range map[string]string{
		`{"a": 1, "b": {"a": [{"a": "x"}, {"a": null}]}, "c": true}`: "",
		"{\"a\": \"\\ufffd \ufffd\", \"\ufffd\": 1}":                 "",
		`{"a": "\ud83d\ude00 ä"}`:                                    "",
		`{"a": 1, "a": 1}`:                                           "a: is given twice",
		`{"a": {"b": [0, {"c": 1, "d": 2, "\u0063": 3}]}}`:           "a.b[1].c: is given twice",
		"{\"a\": [\"x\xff\"]}":                                       "a[0]: has what is no Unicode",
		`{"a": "\ud83d"}`:                                            "a: has what is no Unicode",
		"{\"annotations\": {\"\xc0\x80\": \"\"}}": "annotations[\"\ufffd\ufffd\"]: has what is " +
			"no Unicode",
	} {
		got := ""
		if err := CheckUnambiguous([]byte(document)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", document, got, want)
		}
		r := reader{data: document}
		if r.skip(); r.err != nil {
			t.Errorf("%s is no JSON: %v", document, r.err)
		}
	}
}
