package seccomp

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/spec"
)

// TestTablesAgree compares the numbers with those of golang.org/x/sys/unix, which were generated from other
// headers, on the machines that it knows.
func TestTablesAgree(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		t.Fatal(err)
	}
	constant := regexp.MustCompile(`(?m)^\tSYS_(\w+)\s+= (\d+)`)
	for _, machine := range []string{"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle",
		"ppc", "ppc64", "ppc64le", "riscv64", "s390x"} {
		text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "unix", "zsysnum_linux_"+machine+".go"))
		if err != nil {
			t.Fatal(err)
		}
		a, compared := &abis(machine)[0], 0
		for _, m := range constant.FindAllStringSubmatch(string(text), -1) {
			name := strings.ToLower(m[1])
			if name == "syscall_mask" || name == "arch_specific_syscall" { // no calls
				continue
			}
			want, _ := strconv.Atoi(m[2])
			row := lookup(name)
			if row == nil {
				t.Errorf("%s: %s is not known", machine, name)
				continue
			}
			if nr, ok := a.number(row); !ok || nr != uint32(want) {
				t.Errorf("%s: %s has number %d, not %d", machine, name, nr, want)
			}
			compared++
		}
		if compared < 300 {
			t.Errorf("%s: %d calls", machine, compared)
		}
	}
}

// Every architecture of the specification is one of a machine, but for the one that Linux has given up.
func TestEveryArchitecture(t *testing.T) {
	for _, arch := range spec.SeccompArchs() {
		has := func(m string) bool {
			return slices.ContainsFunc(abis(m), func(a abi) bool { return a.arch == arch })
		}
		if got := slices.ContainsFunc(Machines(), has); got != (arch != specs.ArchS390) {
			t.Errorf("%s: %v", arch, got)
		}
	}
}

// The halves of arguments change places on a big endian machine, and there are none on a narrow ABI.
func TestHalves(t *testing.T) {
	for _, machine := range Machines() {
		f := compileFor(t, machine, denyAllBut(entryOf(specs.ActAllow, "ioctl", arg(1, specs.OpEqualTo, 5<<32|7))))
		for _, a := range abis(machine) {
			nr, _ := a.number(lookup("ioctl"))
			for value, want := range map[uint64]uint32{5<<32 | 7: retAllow, 7: retEPERM, 7<<32 | 5: retEPERM} {
				if !a.wide && uint32(value) == 7 {
					want = retAllow
				}
				c := call{nr: nr, audit: a.audit, big: a.big, args: [maxArgs]uint64{1: value}}
				if got, _, err := interpret(f.Instructions, c); got != want || err != nil {
					t.Errorf("%s, %s: ioctl of %#x: %#x, %v", machine, a.arch, value, got, err)
				}
			}
		}
	}
}
