package spec

import (
	"slices"
	"testing"
)

func TestProblems(t *testing.T) {
	if err := (Problems)(nil).err(); err != nil {
		t.Error(err)
	}
	ps := Problems{{"a", "is bad"}, {"", "is worse"}, {"b[1]", "too"}}
	if have := ps.err().Error(); have != "a: is bad; is worse; b[1]: too" {
		t.Error(have)
	}
	ps = Problems{{"", "m"}, {"[0]", "m"}, {"a", "m"}}.at("l", 2).of("m", "k.l").of("n", "x").in("o")
	want := Problems{{`o.n.x.m["k.l"].l[2]`, "m"}, {`o.n.x.m["k.l"].l[2][0]`, "m"}, {`o.n.x.m["k.l"].l[2].a`, "m"}}
	if !slices.Equal(ps, want) {
		t.Errorf("%v, want %v", ps, want)
	}
}
