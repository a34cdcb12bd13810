package devicestest

import (
	"math/rand/v2"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/devices"
)

// Rules returns a list of rules: mostly some, now and then none, or hundreds. The numbers are few, so
// that rules meet.
func Rules(r *rand.Rand) (rules []specs.LinuxDeviceCgroup) {
	n := r.IntN(12)
	if r.IntN(50) == 0 {
		n = 300
	}
	if n > 0 && r.IntN(4) > 0 {
		rules = append(rules, specs.LinuxDeviceCgroup{Allow: r.IntN(4) == 0, Access: pick(r, "", "rwm")})
	}
	spread := int64(1 + r.IntN(4)*n) // of the minor numbers
	for range n {
		rule := specs.LinuxDeviceCgroup{Allow: r.IntN(3) > 0, Access: access(r)}
		rule.Type = pick(r, "c", "c", "c", "b", "b", "a", "")
		rule.Major = number(r, pick[int64](r, 1, 5, 10, 136, 1<<20, 1<<31, 1<<32-2))
		rule.Minor = number(r, r.Int64N(spread))
		if r.IntN(60) == 0 {
			rule = specs.LinuxDeviceCgroup{Allow: r.IntN(2) == 0, Type: pick(r, "a", "")}
		}
		rules = append(rules, rule)
	}
	return rules
}

// Access returns an access to a device: one of a rule, or close by.
func Access(r *rand.Rand, rules []specs.LinuxDeviceCgroup) devices.Device {
	d := devices.Device{Kind: pick[byte](r, 'c', 'b'), Major: pick[int64](r, 1, 5, 10, 136, 8), Minor: r.Int64N(12)}
	if len(rules) > 0 && r.IntN(4) > 0 {
		like := &rules[r.IntN(len(rules))]
		d.Major, d.Minor = concrete(like.Major, d.Major), concrete(like.Minor, d.Minor)
		if like.Type == "c" || like.Type == "b" {
			d.Kind = like.Type[0]
		}
	}
	// what the kernel asks: to make a node, or to open in one of these ways; none is access(2) with X_OK
	d.Access = pick(r, devices.Mknod, devices.Read, devices.Write, devices.Read|devices.Write, 0)
	return d
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func access(r *rand.Rand) string { return pick(r, "r", "w", "m", "rw", "rm", "wm", "rwm", "rwm", "") }

func number(r *rand.Rand, n int64) *int64 {
	switch r.IntN(8) {
	case 0:
		return nil
	case 1:
		n = devices.Every
	}
	return &n
}

func concrete(n *int64, otherwise int64) int64 {
	if n == nil || *n == devices.Every {
		return otherwise
	}
	return *n
}
