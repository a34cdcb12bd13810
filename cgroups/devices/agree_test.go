package devices_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/devices"
	"github.com/rung-oci/rung/cgroups/devices/devicestest"
	"github.com/rung-oci/rung/cgroups/devices/ebpf"
)

// context is what the kernel gives the program, struct bpf_cgroup_dev_ctx.
func context(d devices.Device) []byte {
	b := binary.NativeEndian.AppendUint32(nil, bits(d.Access)<<16|map[byte]uint32{'b': 1, 'c': 2}[d.Kind])
	b = binary.NativeEndian.AppendUint32(b, uint32(d.Major))
	return binary.NativeEndian.AppendUint32(b, uint32(d.Minor))
}

func bits(a devices.Access) (n uint32) {
	for letter, bit := range map[devices.Access]uint32{devices.Mknod: 1, devices.Read: 2, devices.Write: 4} {
		if a&letter != 0 {
			n |= bit
		}
	}
	return n
}

// decide runs a program.
func decide(t testing.TB, code []byte, d devices.Device) (allowed bool, executed int) {
	t.Helper()
	result, executed, err := ebpf.Run(code, context(d))
	if err != nil || result > 1 {
		t.Fatalf("%s: result %d, %v", d, result, err)
	}
	return result == 1, executed
}

func text(rules []specs.LinuxDeviceCgroup) string {
	b, _ := json.Marshal(rules)
	return string(b)
}

// program returns the list of rules and its program.
func program(t testing.TB, rules []specs.LinuxDeviceCgroup) (*devices.List, []byte) {
	t.Helper()
	l, err := devices.New(rules, nil)
	if err != nil {
		t.Fatalf("%s: %v", text(rules), err)
	}
	p := l.Compile()
	code, err := p.Assemble()
	if err != nil {
		t.Fatalf("%s: %v\n%s", text(rules), err, p)
	}
	return l, code
}

// The program decides as the list does that it was compiled from, holes and all; and
// everything is allowed only if that is said.
func TestProgramDecidesAsTheList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	holes, everything := 0, 0
	for range 3000 {
		rules := devicestest.Rules(random)
		l, code := program(t, rules)
		for _, e := range l.Exceptions {
			holes += len(e.Holes)
		}
		if l.AllowsEverything() {
			everything++
		}
		for range 50 {
			d := devicestest.Access(random, rules)
			want := l.Allows(d)
			if got, _ := decide(t, code, d); got != want {
				t.Fatalf("%s: %s: %v, want %v\n%s", text(rules), d, got, want, l.Compile())
			}
			if l.AllowsEverything() && !want {
				t.Fatalf("%s allow everything, but not %s", text(rules), d)
			}
		}
	}
	if holes < 1000 || everything < 10 {
		t.Errorf("%d holes, %d times everything: too few to tell", holes, everything)
	}
}

// What verifiers refuse, or have refused: instructions that are not reached, jumps to the
// next one, tests of no bits, a program's end that is none.
func TestProgramsAreTidy(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		rules := devicestest.Rules(random)
		l, code := program(t, rules)
		if err := tidy(code); err != nil {
			t.Fatalf("%s: %v\n%s", text(rules), err, l.Compile())
		}
	}
}

func tidy(code []byte) error {
	n := len(code) / 8
	reached := make([]bool, n+1)
	reached[0] = true
	for at := range n {
		op, offset := code[8*at], int(int16(binary.NativeEndian.Uint16(code[8*at+2:])))
		value := binary.NativeEndian.Uint32(code[8*at+4:])
		isJump := op&7 >= 5 && op != 0x95
		switch {
		case !reached[at]:
			return fmt.Errorf("instruction %d is not reached", at)
		case isJump && (offset < 1 || at+1+offset >= n):
			return fmt.Errorf("instruction %d jumps over %d", at, offset)
		case op == 0x46 && value == 0:
			return fmt.Errorf("instruction %d tests no bit", at)
		}
		if isJump {
			reached[at+1+offset] = true
		}
		if op != 0x05 && op != 0x95 {
			reached[at+1] = true
		}
	}
	if reached[n] {
		return errors.New("the program has no end")
	}
	return nil
}

// A list that is too long for a program is refused by its name.
func TestTooManyRules(t *testing.T) {
	rules := []specs.LinuxDeviceCgroup{{Allow: true, Type: "c", Major: new(int64(10)), Access: "rw"}}
	for minor := range int64(17000) {
		rules = append(rules, specs.LinuxDeviceCgroup{Type: "c", Major: new(int64(10)), Minor: &minor, Access: "w"})
	}
	l, err := devices.New(rules, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Compile().Assemble(); !errors.Is(err, ebpf.ErrTooFar) {
		t.Errorf("got %v", err)
	}
}

// What every program opens is decided by few instructions, and hundreds of rules take not
// many more.
func TestExecuted(t *testing.T) {
	null := devices.Device{Kind: 'c', Major: 1, Minor: 3, Access: devices.Read | devices.Write}
	_, code := program(t, nil)
	if _, n := decide(t, code, null); n > 10 {
		t.Errorf("%d instructions for /dev/null", n)
	}
	var rules []specs.LinuxDeviceCgroup
	for i := range int64(300) {
		rules = append(rules, specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: new(i % 30), Minor: &i,
			Access: "rw"})
	}
	_, code = program(t, rules)
	for d, most := range map[devices.Device]int{
		null: 25,
		{Kind: 'c', Major: 29, Minor: 299, Access: devices.Write}: 25,
		{Kind: 'b', Major: 8, Access: devices.Read}:               7,
	} {
		if _, n := decide(t, code, d); n > most {
			t.Errorf("%d instructions for %s", n, d)
		}
	}
}

// FuzzProgram: the text of any rules is refused, or leads to a tidy program that decides as the list.
func FuzzProgram(f *testing.F) {
	f.Add(`[{"allow": false}, {"allow": true, "type": "c", "major": 10, "access": "rw"},
		{"allow": false, "type": "c", "major": 10, "minor": 200, "access": "w"}]`, uint64(1))
	f.Add(`[{"allow": true}, {"allow": false, "type": "b", "access": "rw"}]`, uint64(2))
	f.Add(`[{"type": "a", "major": -1, "minor": 4294967294, "access": "mmm"}]`, uint64(3))
	f.Fuzz(func(t *testing.T, rules string, seed uint64) {
		var list []specs.LinuxDeviceCgroup
		if json.Unmarshal([]byte(rules), &list) != nil {
			return
		}
		l, err := devices.New(list, nil)
		if err != nil {
			return
		}
		code, err := l.Compile().Assemble()
		if err == nil {
			err = tidy(code)
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, l.Compile())
		}
		random := rand.New(rand.NewPCG(seed, 0))
		for range 20 {
			d := devicestest.Access(random, list)
			if got, _ := decide(t, code, d); got != l.Allows(d) {
				t.Fatalf("%s: got %v\n%s", d, got, l.Compile())
			}
		}
	})
}
