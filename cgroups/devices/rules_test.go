package devices

import (
	"fmt"
	"strings"
	"testing"
)

// The default devices, but for those of major 1 and 5.
const nodes = "c *:* m, b *:* m"

func TestLists(t *testing.T) {
	const memories = "c 1:3 rwm, c 1:5 rwm, c 1:7 rwm, c 1:8 rwm, c 1:9 rwm"
	const terminals = "c 5:0 rwm, c 5:1 rwm, c 5:2 rwm, c 136:* rwm"
	for _, c := range []struct{ rules, want string }{
		{`[]`, "deny but " + nodes + ", " + memories + ", " + terminals},
		{`[{"allow": true}]`, "allow but "},
		{`[{"allow": true}, {"allow": false, "type": "b", "major": 8}]`, "allow but b 8:* rwm"},
		{`[{"allow": true}, {"allow": false, "type": "b", "major": 8},
			{"allow": true, "type": "b", "major": 8, "minor": 1, "access": "r"}]`, "allow but b 8:* rwm (b 8:1 r)"},
		{`[{"allow": true, "type": "c", "access": "rwm"}, {"allow": true, "type": "b"}]`,
			"deny but c *:* rwm, b *:* rwm"},

		// holes
		{`[{"allow": true, "type": "c"}, {"allow": false, "type": "c", "minor": 5}]`,
			"deny but c *:* rwm (c *:5 rwm), b *:* m"},
		{`[{"allow": true, "type": "c", "major": 7}, {"allow": false, "type": "c", "minor": 5, "access": "w"},
			{"allow": false, "type": "c", "major": 7, "minor": 5, "access": "r"}, {"allow": false, "access": "m"}]`,
			"deny but c 7:* rw (c 7:5 rw), " +
				strings.NewReplacer("1:5 rwm", "1:5 r", "rwm", "rw").Replace(memories+", "+terminals) + " (c 136:5 w)"},
		{`[{"allow": true, "type": "c", "major": 7}, {"allow": false, "type": "c", "major": 7, "minor": 5},
			{"allow": true, "type": "c", "major": 7, "access": "r"},
			{"allow": false, "type": "c", "major": 7, "access": "m"}]`,
			"deny but c 7:* rw (c 7:5 w), " + nodes + ", " + memories + ", " + terminals},
		{`[{"allow": false, "type": "c", "major": 136, "minor": 5},
			{"allow": true, "type": "c", "major": 136, "minor": 5, "access": "r"}]`,
			"deny but c 136:5 r, " + nodes + ", " + memories + ", " + terminals + " (c 136:5 rwm)"},
	} {
		l, err := New(parse(t, c.rules), nil)
		if err != nil {
			t.Errorf("%s: %v", c.rules, err)
			continue
		}
		got := map[bool]string{false: "deny but ", true: "allow but "}[l.Allowed]
		for i, e := range l.Exceptions {
			got += []string{"", ", "}[min(i, 1)] + e.String()
			if len(e.Holes) > 0 {
				got += " (" + strings.Trim(fmt.Sprint(e.Holes), "[]") + ")"
			}
		}
		if got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.rules, got, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for rules, want := range map[string]string{
		`[{"allow": false}, {"type": "p"}]`:      `[1].type: "p" is not a, b or c`,
		`[{"access": "rx"}]`:                     `[0].access: "rx" is not made of r, w and m`,
		`[{"type": "c", "major": -2}]`:           `[0].major: -2 is not the number of a device`,
		`[{"type": "c", "minor": 4294967295}]`:   `[0].minor: 4294967295 is not`, // to cgroup v1 that is all
		`[{"allow": true, "minor": 4294967296}]`: `[0].minor: 4294967296 is not`,
		`[{"access": "rw"}, {"type": "u"}]`:      `[1].type: "u" is not`,
	} {
		_, err := New(parse(t, rules), nil)
		if err == nil || !strings.HasPrefix(err.Error(), "linux.resources.devices"+want) {
			t.Errorf("%s: got %v, want %s", rules, err, want)
		}
	}
}

func TestParse(t *testing.T) {
	for line, ok := range map[string]bool{"c 1:3 rwm": true, "b *:* m": true, "c 10:* rw": true, "a *:* rwm": false,
		"": false, "c 1": false, "c x:1 r": false, "c 1:2 x": false} {
		d, got := Parse(line)
		if got != ok || ok && d.String() != line {
			t.Errorf("%q: %v, %v", line, d, got)
		}
	}
}
