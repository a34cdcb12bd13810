package main

import "testing"

func TestParseTAP(t *testing.T) {
	tests := []struct {
		name, output    string
		counts          string
		failed, planned int
	}{
		{"nothing", "", "-", 0, 0},
		{"one document", "TAP version 13\nok 1 - a\nnot ok 2 - b\n1..2\n", "1/2", 1, 2},
		{"two documents in one stream", "TAP version 13\nok 1 - a\n1..1\nTAP version 13\nok 1 - b\n1..1\n", "2/2", 0,
			2},
		{"asserts quoted in a YAML block", "ok 1 - a\n  ---\n  {\"stdout\": \"not ok 2\"}\n  not ok 7\n  ...\n1..1\n",
			"1/1", 0, 1},
		{"without description", "ok 1\nnot ok 2\n", "1/2", 1, 0},
		{"a long line", "ok 1 - " + string(make([]byte, 100_000)) + "\nok 2\n", "2/2", 0, 0},
		{"words that only look like asserts", "okay 1\nok then\n", "-", 0, 0},
	}
	for _, test := range tests {
		got := parseTAP([]byte(test.output))
		if got.counts() != test.counts || len(got.failed) != test.failed || got.planned != test.planned {
			t.Errorf("%s: got %s, %d failed, %d planned; want %s, %d, %d", test.name,
				got.counts(), len(got.failed), got.planned, test.counts, test.failed, test.planned)
		}
	}
	if got := parseTAP([]byte("ok 1 # skip no such controller\n")); got.skipped != 1 {
		t.Errorf("skipped asserts: got %d, want 1", got.skipped)
	}
}
