package v1

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/rung-oci/rung/cgroups/devices"
	"github.com/rung-oci/rung/cgroups/devices/devicestest"
	"github.com/rung-oci/rung/cgroups/devices/ebpf"
)

// The program of cgroup v2 decides 100,000 accesses as cgroup v1 does with what is
// written there for the same rules. TestKernelDecidesAsItsModel says that this is true of the kernel, too.
func TestProgramAgreesWithCgroupV1(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	asked, allowed, refused := 0, 0, 0
	for asked < 100_000 {
		rules := devicestest.Rules(random)
		p := newPlan(nil)
		if err := p.devices(rules); err != nil {
			refused++ // cgroup v1 has no holes
			continue
		}
		var v1 devicestest.Kernel
		for _, w := range p.Writes {
			v1.Write(w.File == devicesAllow, w.Value)
		}
		l, err := devices.New(rules, nil)
		if err != nil {
			t.Fatal(err)
		}
		code, err := l.Compile().Assemble()
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			d := devicestest.Access(random, rules)
			result, _, err := ebpf.Run(code, deviceContext(d))
			if got, want := result == 1, v1.Allows(d); err != nil || got != want {
				text, _ := json.Marshal(rules)
				t.Fatalf("%s: %v, %v, cgroup v1: %v\n%s\n%s", d, got, err, want, text, l.Compile())
			}
			asked++
			allowed += int(result)
		}
	}
	if part := allowed * 100 / asked; part < 20 || part > 80 || refused > 20_000 {
		t.Errorf("%d %% were allowed, %d lists refused: too few to tell", part, refused)
	}
}

// deviceContext is struct bpf_cgroup_dev_ctx, linux/bpf.h.
func deviceContext(d devices.Device) []byte {
	access := uint32(0)
	for letter, bit := range map[devices.Access]uint32{devices.Mknod: 1, devices.Read: 2, devices.Write: 4} {
		if d.Access&letter != 0 {
			access |= bit
		}
	}
	b := binary.NativeEndian.AppendUint32(nil, access<<16|map[byte]uint32{'b': 1, 'c': 2}[d.Kind])
	b = binary.NativeEndian.AppendUint32(b, uint32(d.Major))
	return binary.NativeEndian.AppendUint32(b, uint32(d.Minor))
}

func TestAsked(*testing.T) { devicestest.Asked() }

// The kernel of this machine decides about what is opened and made as its model, to which
// the programs of cgroup v2 are compared.
func TestKernelDecidesAsItsModel(t *testing.T) {
	m := container(t)
	needs(t, m, "devices")
	random := rand.New(rand.NewPCG(11, 12))
	var allowed, denied int
	for allowed+denied < 2000 {
		rules := devicestest.Rules(random)
		var accesses []devices.Device
		for range 100 {
			accesses = append(accesses, devicestest.Access(random, rules))
		}
		accesses = devicestest.Harmless(t, rules, accesses)
		p := newPlan(m.read)
		if p.devices(rules) != nil {
			continue // there are no holes
		}
		if _, err := p.Apply(target{m}); err != nil {
			t.Fatal(err)
		}
		var model devicestest.Kernel
		for _, w := range p.Writes {
			model.Write(w.File == devicesAllow, w.Value)
		}
		for i, got := range devicestest.Ask(t, m.find("devices").Path, accesses) {
			if want := model.Allows(accesses[i]); got != want {
				t.Fatalf("%s: %v, want %v\n%v", accesses[i], got, want, p.Writes)
			}
			if got {
				allowed++
			} else {
				denied++
			}
		}
	}
	if allowed < 200 || denied < 200 {
		t.Errorf("%d allowed, %d denied: too few to tell", allowed, denied)
	}
}
