package userprocess

import (
	"slices"
	"testing"
)

func TestEnvironment(t *testing.T) {
	env := []string{"PATH=/a", "HOMER=x", "PATH=/b", "EMPTY=", "=odd", "odd"}
	for key, want := range map[string]string{"PATH": "/b", "HOME": "", "EMPTY": "", "odd": ""} {
		if got := Getenv(env, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

// TestLastOfEach is about names that occur twice, as in a Kubernetes pod whose
// manifest overrides a variable of its image.
func TestLastOfEach(t *testing.T) {
	for _, c := range []struct{ env, want []string }{
		{nil, nil},
		{[]string{"A=1", "B=2"}, []string{"A=1", "B=2"}},
		{[]string{"A=1", "B=2", "A=3", "C=4", "A="}, []string{"A=", "B=2", "C=4"}},
		{[]string{"A=1=2", "AB=1", "A=x=y"}, []string{"A=x=y", "AB=1"}},
	} {
		given := slices.Clone(c.env)
		if got := LastOfEach(c.env); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.env, got, c.want)
		}
		if !slices.Equal(c.env, given) {
			t.Errorf("%q: the config was changed to %q", given, c.env)
		}
	}
}
