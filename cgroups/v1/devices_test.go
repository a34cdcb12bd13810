package v1

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/devices"
	"github.com/rung-oci/rung/cgroups/limits"
)

// The default devices as they are written.
const (
	nodes     = "allow c *:* m\nallow b *:* m\n"
	memories  = "allow c 1:3 rwm\nallow c 1:5 rwm\nallow c 1:7 rwm\nallow c 1:8 rwm\nallow c 1:9 rwm\n"
	terminals = "allow c 5:0 rwm\nallow c 5:1 rwm\nallow c 5:2 rwm\nallow c 136:* rwm"
)

func TestDevices(t *testing.T) {
	for _, c := range []struct{ name, rules, list, want string }{
		{"deny all", `[{"allow": false, "access": "rwm"}]`, "", "deny a\n" + nodes + memories + terminals},
		{"deny all, spelt out", `[{"allow": false, "type": "a", "major": -1, "minor": -1, "access": "rwm"}]`, "",
			"deny a\n" + nodes + memories + terminals},
		{"rules first, in their order",
			`[{"allow": false, "access": "rwm"},
				{"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"},
				{"allow": true, "type": "b", "major": 8, "minor": 20, "access": "r"}]`, "",
			"deny a\nallow c 10:229 rw\nallow b 8:20 r\n" + nodes + memories + terminals},
		{"what is allowed already is not repeated", `[{"allow": false}, {"allow": true, "type": "c", "access": "rwm"}]`,
			"", "deny a\nallow c *:* rwm\nallow b *:* m"},
		{"everything allowed", `[{"allow": true}]`, "", "allow a"},
		{"privileged after all", `[{"allow": false}, {"allow": true, "access": "rwm"}]`, "", "deny a\nallow a"},
		// To the kernel "a" is everything, whatever follows.
		{"type a with numbers is both types",
			`[{"allow": false}, {"allow": true, "type": "a", "major": 10, "minor": 200, "access": "rw"}]`, "",
			"deny a\nallow c 10:200 rw\nallow b 10:200 rw\n" + nodes + memories + terminals},
		{"type a with some access is both types", `[{"allow": false}, {"allow": true, "access": "r"}]`, "",
			"deny a\nallow c *:* r\nallow b *:* r\nallow c *:* m\nallow b *:* m\n" +
				strings.ReplaceAll(memories+terminals, "rwm", "wm")},

		{"/dev/null not writable",
			`[{"allow": false}, {"allow": false, "type": "c", "major": 1, "minor": 3, "access": "w"}]`, "",
			"deny a\ndeny c 1:3 w\n" + nodes + strings.Replace(memories, "1:3 rwm", "1:3 rm", 1) + terminals},
		{"no /dev/full", `[{"allow": false}, {"allow": false, "type": "c", "major": 1, "minor": 7}]`, "",
			"deny a\ndeny c 1:7 rwm\n" + nodes + strings.Replace(memories, "allow c 1:7 rwm\n", "", 1) + terminals},
		{"no memory devices", `[{"allow": false}, {"allow": false, "type": "c", "major": 1, "access": "rwm"}]`, "",
			"deny a\ndeny c 1:* rwm\n" + nodes + terminals},
		{"no nodes", `[{"allow": false}, {"allow": false, "access": "m"}]`, "",
			"deny a\ndeny c *:* m\ndeny b *:* m\n" + strings.ReplaceAll(memories+terminals, "rwm", "rw")},
		{"denied and allowed again",
			`[{"allow": false}, {"allow": false, "type": "c", "major": 1, "minor": 3},
				{"allow": true, "type": "c", "major": 1, "minor": 3, "access": "r"}]`, "",
			"deny a\ndeny c 1:3 rwm\nallow c 1:3 r\n" + nodes + strings.Replace(memories, "allow c 1:3 rwm\n", "", 1) +
				terminals},
		{"all of a type denied is a ground for defaults",
			`[{"allow": false}, {"allow": false, "type": "c", "access": "rwm"}]`, "",
			"deny a\ndeny c *:* rwm\n" + nodes + memories + terminals},

		// The kernel takes back an exception only by its exact name.
		{"a wider rule takes back each exception",
			`[{"allow": false}, {"allow": true, "type": "c", "major": 10, "minor": 1, "access": "rw"},
				{"allow": true, "type": "c", "major": 10, "minor": 2, "access": "r"},
				{"allow": false, "type": "c", "major": 10, "access": "r"}]`, "",
			"deny a\nallow c 10:1 rw\nallow c 10:2 r\ndeny c 10:1 r\ndeny c 10:2 r\n" + nodes + memories + terminals},

		{"nothing given", `[]`, "a *:* rwm", "deny a\n" + nodes + memories + terminals},
		{"no denial of all", `[{"allow": false, "type": "c", "major": 10, "minor": 1}]`,
			"a *:* rwm", "deny a\ndeny c 10:1 rwm\n" + nodes + memories + terminals},
		{"something is allowed", `[{"allow": true, "type": "b", "major": 8, "minor": 0, "access": "r"}]`,
			"a *:* rwm", "deny a\nallow b 8:0 r\n" + nodes + memories + terminals},
		{"a cgroup that inherits a list", `[{"allow": true, "type": "b", "major": 8, "minor": 0, "access": "r"}]`,
			"c 1:3 rwm\nc *:* m\nc 136:* rwm", "deny a\nallow b 8:0 r\n" + nodes + memories + terminals},
		{"a denial in an inherited list",
			`[{"allow": false, "type": "c", "major": 1, "minor": 3, "access": "w"}, {"allow": false}]`, "c 1:3 rwm",
			"deny a\ndeny c 1:3 w\ndeny a\n" + nodes + strings.Replace(memories, "1:3 rwm", "1:3 rm", 1) + terminals},
	} {
		files := map[string]string{}
		if c.list != "" {
			files["devices.list"] = c.list
		}
		checkDevices(t, c.name, c.rules, files, c.want)
	}
}

func checkDevices(t *testing.T, name, rules string, files map[string]string, want string) {
	t.Helper()
	got, p, err := planned(t, `{"devices": `+rules+`}`, files)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if got = strings.ReplaceAll(got, "devices.", ""); got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
	for _, w := range p.Writes {
		if isDefault := w.Property == "linux.resources.devices"; isDefault != (w.Soft != nil) {
			t.Errorf("%s: %s of %s: may fail: %v", name, w.Value, w.Property, w.Soft)
		}
	}
}

// kernelDevices does with the writes what security/device_cgroup.c does.
type kernelDevices struct {
	allowed    bool
	exceptions []devices.Device
}

func (k *kernelDevices) write(w limits.Write) {
	allow := w.File == devicesAllow
	d, ok := devices.Parse(w.Value)
	if !ok {
		k.allowed, k.exceptions = allow, nil
		return
	}
	for i := range k.exceptions {
		if e := &k.exceptions[i]; e.Same(d) {
			if allow == k.allowed {
				e.Access &^= d.Access
			} else {
				e.Access |= d.Access
			}
			return
		}
	}
	if allow != k.allowed {
		k.exceptions = append(k.exceptions, d)
	}
}

func (k *kernelDevices) allows(kind byte, major, minor int64, a devices.Access) bool {
	for _, e := range k.exceptions {
		if e.Covers(devices.Device{Kind: kind, Major: major, Minor: minor}) && e.Access&a != 0 {
			if k.allowed {
				return false
			}
			if e.Access&a == a {
				return true
			}
		}
	}
	return k.allowed
}

// The plan of random rules makes the kernel decide as the rules say in their order,
// for devices that are no defaults; or the rules are refused.
func TestDevicesMeanWhatTheRulesSay(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	number := func() *int64 {
		if n := random.Int64N(3); n > 0 {
			return &n
		}
		return nil
	}
	planned, refused := 0, 0
	for range 20000 {
		var rules []specs.LinuxDeviceCgroup
		if random.IntN(4) > 0 {
			rules = append(rules, specs.LinuxDeviceCgroup{Allow: random.IntN(4) == 0})
		}
		for range 1 + random.IntN(3) {
			rules = append(rules, specs.LinuxDeviceCgroup{
				Allow: random.IntN(2) == 0, Type: []string{"c", "b", "a"}[random.IntN(3)],
				Major: number(), Minor: number(), Access: []string{"r", "w", "rw", "rwm"}[random.IntN(4)],
			})
		}
		p := newPlan(func(string, string) (string, error) { return "a *:* rwm", nil })
		if err := p.devices(rules); err != nil {
			refused++
			continue
		}
		planned++
		k := &kernelDevices{allowed: true}
		for _, w := range p.Writes {
			k.write(w)
		}
		for _, kind := range []byte("cb") {
			for minor := range int64(3) {
				for _, a := range []devices.Access{devices.Read, devices.Write} {
					want := false
					for _, r := range rules {
						if isAbout(r, kind, 2, minor, a) {
							want = r.Allow
						}
					}
					if got := k.allows(kind, 2, minor, a); got != want {
						text, _ := json.Marshal(rules)
						t.Fatalf("%c 2:%d %d: got %v, want %v\n%s\n%v", kind, minor, a, got, want, text, p.Writes)
					}
				}
			}
		}
	}
	if planned < 5000 || refused == 0 {
		t.Errorf("%d rule lists were planned and %d refused: too few to tell", planned, refused)
	}
}

// isAbout reports whether a rule says something about an access to a device.
func isAbout(r specs.LinuxDeviceCgroup, kind byte, major, minor int64, a devices.Access) bool {
	is := func(n *int64, want int64) bool { return n == nil || *n == want }
	return (r.Type == "" || r.Type == "a" || r.Type == string(kind)) && is(r.Major, major) && is(r.Minor, minor) &&
		(r.Access == "" || strings.Contains(r.Access, a.String()))
}
