package limits

import "testing"

func TestSamePages(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"4096", "5000", true}, {"0", "10", true}, {"9223372036854771712", "1048576", false}, {"x", "x", false},
		{"0", "65536", false}} {
		if got := samePages(c.a, c.b); got != c.want {
			t.Errorf("samePages(%s, %s) = %v", c.a, c.b, got)
		}
	}
}
