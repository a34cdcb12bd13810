package devices_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/devices"
	"github.com/rung-oci/rung/cgroups/devices/devicestest"
	"github.com/rung-oci/rung/cgroups/devices/ebpf"
	"github.com/rung-oci/rung/internal/kernel"
)

// load gives the kernel a program, or skips the test where this user may not.
func load(t testing.TB, code []byte) kernel.Fd {
	t.Helper()
	fd, err := ebpf.LoadProgram("rung_test", code)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		t.Skipf("needs to load programs: bpf(2): %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// needsBPF skips the test where this user may not load programs.
func needsBPF(t testing.TB) {
	t.Helper()
	fd := load(t, assembled(t, ebpf.Set{Dst: ebpf.R0, Value: 1}, ebpf.Exit{}))
	fd.Close()
}

// The running kernel's verifier takes each of 1,000 lists by chance, and those that other
// compilers have stumbled over: v2-check 14.
func TestVerifierTakesAll(t *testing.T) {
	lists := [][]specs.LinuxDeviceCgroup{nil, {{Allow: true, Type: "a"}}, {{Allow: false, Type: "a"}},
		{{Allow: true, Type: "c", Major: new(int64(5)), Access: "m"}}, {{Allow: true, Type: "b", Access: "m"}},
		{{Allow: false, Type: "c", Major: new(int64(5)), Access: "m"}}, {{Allow: false, Type: "b", Access: "m"}},
		{{Allow: true}, {Allow: false, Type: "c", Major: new(int64(5)), Access: "m"}}}
	var long []specs.LinuxDeviceCgroup
	for i := range int64(300) {
		long = append(long, specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: new(i), Minor: new(i / 2)})
	}
	lists = append(lists, long)
	random := rand.New(rand.NewPCG(7, 8))
	for range 1000 {
		lists = append(lists, devicestest.Rules(random))
	}
	for _, rules := range lists {
		_, code := program(t, rules)
		fd := load(t, code)
		fd.Close()
	}
}

// What the verifier refuses is refused with its words.
func TestVerifierIsQuoted(t *testing.T) {
	needsBPF(t)
	_, err := ebpf.LoadProgram("rung_test", assembled(t, ebpf.Exit{}))
	if !errors.Is(err, unix.EACCES) || !strings.Contains(err.Error(), "R0 !read_ok") {
		t.Errorf("got %v", err)
	}
}

func assembled(t testing.TB, list ...ebpf.Instruction) []byte {
	t.Helper()
	p := ebpf.Program{Instructions: list}
	code, err := p.Assemble()
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// group makes a cgroup of v2, which is removed after the test, and returns it with a
// descriptor.
func group(t testing.TB) (path string, dir int) {
	t.Helper()
	needsBPF(t)
	h, err := cgroups.Find()
	if err != nil {
		t.Fatal(err)
	}
	if h.Unified() == nil {
		t.Skip("needs cgroup v2 to be mounted")
	}
	if path, err = h.Unified().At(fmt.Sprintf("/rung-devices-%d", os.Getpid())); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Rmdir(path); err != nil {
			t.Error(err)
		}
	})
	if dir, err = unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(dir) })
	return path, dir
}

func TestAsked(*testing.T) { devicestest.Asked() }

// The kernel decides by the program as the list does.
func TestKernelDecides(t *testing.T) {
	path, dir := group(t)
	random := rand.New(rand.NewPCG(9, 10))
	var allowed, denied int
	for range 8 {
		rules := devicestest.Rules(random)
		var accesses []devices.Device
		for range 100 {
			accesses = append(accesses, devicestest.Access(random, rules))
		}
		accesses = append(devicestest.Harmless(t, rules, accesses),
			devices.Device{Kind: 'c', Major: 1, Minor: 3, Access: devices.Read})
		l, _ := program(t, rules)
		if _, err := l.Enforce(dir); err != nil {
			t.Fatal(err)
		}
		for i, got := range devicestest.Ask(t, path, accesses) {
			if want := l.Allows(accesses[i]); got != want {
				t.Errorf("%s: %v, want %v\n%s\n%s", accesses[i], got, want, text(rules), l.Compile())
			}
			if got {
				allowed++
			} else {
				denied++
			}
		}
	}
	if allowed < 100 || denied < 100 {
		t.Errorf("%d allowed, %d denied: too few to tell", allowed, denied)
	}
}

// names are those of the programs that are attached to a cgroup.
func names(t testing.TB, dir int) (list []string) {
	t.Helper()
	ids, err := ebpf.Attached(dir)
	for _, id := range ids {
		fd, err := ebpf.OpenProgram(id)
		if err != nil {
			t.Fatal(err)
		}
		name, err := ebpf.Name(fd)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, name)
		fd.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// However often rules are enforced there is one program of ours, beside those of others, and
// none where everything is allowed: v2-check 13.
func TestOneProgram(t *testing.T) {
	_, dir := group(t)
	other := load(t, assembled(t, ebpf.Set{Dst: ebpf.R0, Value: 1}, ebpf.Exit{}))
	defer other.Close()
	if err := ebpf.Attach(dir, other, kernel.Fd{}); err != nil {
		t.Fatal(err)
	}
	check := func(when, want string) {
		t.Helper()
		if got := strings.Join(names(t, dir), " "); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	enforce := func(rules ...specs.LinuxDeviceCgroup) {
		t.Helper()
		l, _ := program(t, rules)
		if warnings, err := l.Enforce(dir); err != nil || len(warnings) > 0 {
			t.Fatal(warnings, err)
		}
	}
	all := specs.LinuxDeviceCgroup{Allow: true}
	enforce(all)
	check("everything is allowed", "rung_test")
	for i := range int64(100) {
		enforce(specs.LinuxDeviceCgroup{}, specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: new(i)})
	}
	check("100 updates", "rung_test rung_devices")
	// what another of our name has left is none too many
	second, err := ebpf.LoadProgram("rung_devices", assembled(t, ebpf.Set{Dst: ebpf.R0, Value: 0}, ebpf.Exit{}))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := ebpf.Attach(dir, second, kernel.Fd{}); err != nil {
		t.Fatal(err)
	}
	enforce()
	check("two of ours", "rung_test rung_devices")
	enforce(all)
	check("everything is allowed again", "rung_test")
}

// Who may not load programs starts with everything allowed only, and is told what is missing.
func TestEnforceRefuses(t *testing.T) {
	file, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	needsBPF(t)
	l, _ := program(t, []specs.LinuxDeviceCgroup{{}})
	_, err = l.Enforce(int(file.Fd()))
	if err == nil || !strings.HasPrefix(err.Error(), "linux.resources.devices: looking for the device filter") {
		t.Errorf("not a cgroup: %v", err)
	}
}
