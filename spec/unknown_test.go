package spec

import (
	"testing"
)

func TestNearest(t *testing.T) {
	const known = "uid gid umask additionalGids noNewPrivileges"
	for name, want := range map[string]string{
		"UID": "uid", "additionalGid": "additionalGids", "noNewPriviledges": "noNewPrivileges",
		"nonewprivileges": "noNewPrivileges", "mask": "umask", "umsak": "", "": "", "x": "", "root": "",
		"NoNewPrivilege": "noNewPrivileges",
	} {
		if have := nearest(name, known); have != want {
			t.Errorf("%q: %q, want %q", name, have, want)
		}
	}
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"abc", "abc", 0}, {"abcdef", "uvwxyz",
		4}, {"a", "abcdefgh", 4}} {
		if have := distance(test.a, test.b, 4); have != test.want {
			t.Errorf("%q, %q: %d, want %d", test.a, test.b, have, test.want)
		}
	}
}
