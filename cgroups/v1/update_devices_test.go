package v1

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/devices"
	"github.com/rung-oci/rung/cgroups/limits"
)

func TestUpdateDevicesIsTheDifference(t *testing.T) {
	const list = "c *:* m\nb *:* m\nc 1:3 rwm\nc 5:0 rw"
	for _, c := range []struct{ name, list, present, patch, want string }{
		{"the same again", "", `[]`, `[{"allow": false}]`, ""}, // list: what the rules make of a new cgroup
		{"a device more", list, `[]`, `[{"allow": true, "type": "c", "major": 10, "minor": 200, "access": "rw"}]`,
			"allow c 10:200 rw"},
		{"access more", list, `[]`, `[{"allow": true, "type": "c", "major": 5, "minor": 0, "access": "rwm"}]`,
			"allow c 5:0 m"},
		{"a device less", list, `[{"allow": false}]`, `[{"allow": false, "type": "c", "major": 5, "minor": 0}]`,
			"deny c 5:0 rw"},
		{"access less", list, `[]`, `[{"allow": false, "type": "c", "major": 1, "minor": 3, "access": "w"}]`,
			"deny c 1:3 w"},
		{"defaults denied before stay denied", list, `[]`,
			`[{"allow": true, "type": "b", "major": 8, "minor": 0, "access": "r"}]`, "allow b 8:0 r"},
		{"from nothing again: allowed before denied", "c 10:1 rw\nc 1:3 rwm",
			`[{"allow": false}, {"allow": true, "type": "c", "major": 10, "minor": 1, "access": "rw"}]`,
			`[{"allow": false}, {"allow": true, "type": "c", "major": 10, "minor": 2, "access": "r"}]`,
			"allow c 10:2 r\ndeny c 10:1 rw"},
		{"what others have allowed stays", list + "\nc 195:0 rw", `[{"allow": false}]`, `[{"allow": false}]`, ""},
		{"everything", list, `[]`, `[{"allow": true}]`, "allow a"},
		{"everything stays everything", "a *:* rwm", `[{"allow": true}]`, `[{"allow": true}]`, ""},
		{"an exception from everything", "a *:* rwm", `[{"allow": true}]`,
			`[{"allow": false, "type": "c", "major": 10, "minor": 1}]`, "deny c 10:1 rwm"},
		{"an exception that the rules know", "a *:* rwm",
			`[{"allow": true}, {"allow": false, "type": "c", "major": 10, "minor": 1, "access": "rw"}]`,
			`[{"allow": true, "type": "c", "major": 10, "minor": 1, "access": "r"}]`, "allow c 10:1 r"},
		{"from everything to nothing", "a *:* rwm", `[{"allow": true}]`, `[{"allow": false}]`, "deny a\n" + nodes +
			memories + terminals},
	} {
		text := c.list
		if text == "" {
			text = listOf(t, c.patch)
		}
		p := newPlan(func(_, file string) (string, error) { return text, nil })
		if err := p.updateDevices(rules(t, c.patch), rules(t, c.present)); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := deviceWrites(p.Writes); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func rules(t *testing.T, text string) (list []specs.LinuxDeviceCgroup) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func deviceWrites(writes []limits.Write) string {
	var lines []string
	for _, w := range writes {
		lines = append(lines, strings.TrimPrefix(w.File, "devices.")+" "+w.Value)
	}
	return strings.Join(lines, "\n")
}

// listOf is the text of devices.list after the rules were set.
func listOf(t *testing.T, text string) string {
	t.Helper()
	var c deviceCgroup
	p := newPlan(func(string, string) (string, error) { return "a *:* rwm", nil })
	if err := p.devices(rules(t, text)); err != nil {
		t.Fatal(err)
	}
	for _, w := range p.Writes {
		c.write(w)
	}
	return c.list()
}

// A deviceCgroup is what the kernel has, security/device_cgroup.c.
type deviceCgroup struct {
	denies     bool // the policy
	exceptions map[devices.Device]devices.Access
}

func (c *deviceCgroup) write(w limits.Write) {
	allow := w.File == devicesAllow
	if w.Value == "a" {
		*c = deviceCgroup{denies: !allow}
		return
	}
	d, ok := devices.Parse(w.Value)
	if !ok {
		panic(w.Value)
	}
	bits := d.Access
	d.Access = 0
	if c.exceptions == nil {
		c.exceptions = map[devices.Device]devices.Access{}
	}
	if allow == c.denies {
		c.exceptions[d] |= bits
	} else if c.exceptions[d] &^= bits; c.exceptions[d] == 0 {
		delete(c.exceptions, d)
	}
}

func (c *deviceCgroup) list() string {
	if !c.denies {
		return "a *:* rwm"
	}
	var lines []string
	for d, bits := range c.exceptions {
		d.Access = bits
		lines = append(lines, d.String())
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (c *deviceCgroup) allows(kind byte, major, minor int64, bit devices.Access) bool {
	for d, bits := range c.exceptions {
		if d.Covers(devices.Device{Kind: kind, Major: major, Minor: minor}) && bits&bit != 0 {
			return c.denies
		}
	}
	return !c.denies
}

// Whatever the rules before and after: an update leads to what the rules after make
// of a new cgroup, what both allow is allowed after every write unless the policy
// changes, and taking the writes back leads to where it began.
func TestUpdateDevicesProperty(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	some := func() (list []specs.LinuxDeviceCgroup) {
		list = append(list, specs.LinuxDeviceCgroup{Allow: random.IntN(4) == 0})
		for range random.IntN(5) {
			major, minor := ptr(random.Int64N(2)), ptr(random.Int64N(2))
			list = append(list, specs.LinuxDeviceCgroup{Allow: random.IntN(3) > 0, Type: "c", Major: major,
				Minor:  minor,
				Access: []string{"r", "rw", "rwm", "wm"}[random.IntN(4)]})
		}
		return list
	}
	after := func(writes []limits.Write) (c deviceCgroup) {
		for _, w := range writes {
			c.write(w)
		}
		return c
	}
	for range 2000 {
		before, patch := some(), some()
		first := newPlan(func(string, string) (string, error) { return "a *:* rwm", nil })
		second := newPlan(first.Read)
		if first.devices(before) != nil || second.devices(patch) != nil {
			continue // what the kernel cannot do is refused
		}
		c, want := after(first.Writes), after(second.Writes)
		begun := fmt.Sprint(c)
		p := newPlan(func(string, string) (string, error) { return c.list(), nil })
		if err := p.updateDevices(patch, before); err != nil {
			t.Fatalf("%+v to %+v: %v", before, patch, err)
		}
		start, samePolicy := after(first.Writes), c.denies == want.denies
		for _, w := range p.Writes {
			c.write(w)
			for n := range 12 * btoi(samePolicy) {
				major, minor, bit := int64(n&1), int64(n>>1&1), devices.Access(1<<(n>>2))
				if start.allows('c', major, minor, bit) && want.allows('c', major, minor, bit) &&
					!c.allows('c', major, minor, bit) {
					t.Fatalf("%+v to %+v: c %d:%d was denied in between, by %s %s", before, patch, major, minor, w.File,
						w.Value)
				}
			}
		}
		if fmt.Sprint(c) != fmt.Sprint(want) {
			t.Fatalf("%+v to %+v: %+v, want %+v", before, patch, c, want)
		}
		for _, w := range slices.Backward(p.Writes) {
			for _, u := range w.Undo {
				c.write(u)
			}
		}
		if fmt.Sprint(c) != begun {
			t.Fatalf("%+v to %+v and back: %+v, want %s", before, patch, c, begun)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
