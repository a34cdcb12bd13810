package seccomp

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

//go:generate go run gen_syscalls.go ${LINUX_LIBC_DEV}

// The columns of the syscalls table.
const (
	columnAMD64 = iota
	columnX32
	column386
	columnARM64
	columnARM
	columnRISCV64
	columnLoong64
	columnS390X
	columnPPC64
	columnPPC
	columnMIPSO32
	columnMIPSN32
	columnMIPSN64
	columnPARISC64
	columnPARISC
	columnM68K
	columnSH
	columns
)

// A sysent is one row of the table: a name, and its number on each ABI or -1. Numbers are those
// behind the ABI's base; those from apartFirst on are of its range apart.
type sysent struct {
	name string
	nr   [columns]int16
}

// apartFirst stands for the first number of an ABI's range apart.
const apartFirst = 0x7000

// x32Bit marks a system call of the x32 ABI, which shares AUDIT_ARCH_X86_64
// with the 64-bit one (__X32_SYSCALL_BIT).
const x32Bit = 0x40000000

// An abi is a way in which a process can call the kernel of a machine.
type abi struct {
	arch   specs.Arch
	audit  uint32 // AUDIT_ARCH_*, what seccomp_data.arch holds
	column int
	base   uint32 // added to the numbers of the table

	// first and last bound the numbers that belong to the ABI; the ABIs that
	// share an audit value follow each other.
	first, last uint32

	// apart is a range of numbers away from the common, growing table. Its
	// calls are as old as the ABI itself.
	apart span

	// wide says that registers have 64 bits. As libseccomp does, only the
	// lower halves of arguments and operands are compared on the others,
	// of which x32 is one.
	wide bool

	// big says that the machine is big endian.
	big bool

	// multiplexed says that socketcall and ipc exist.
	multiplexed bool
}

// A span is an inclusive range of system call numbers; the zero span is empty.
type span struct{ first, last uint32 }

func (s span) contains(nr uint32) bool { return s.last != 0 && s.first <= nr && nr <= s.last }

// abis returns the ABIs of a machine, the native one first, or nil for a name that is no
// GOARCH, nor the like of what Go does not know.
func abis(goarch string) []abi {
	for i := range machines {
		if machines[i].name == goarch {
			return machines[i].abis
		}
	}
	return nil
}

// Machines returns the names by which [CompileFor] knows machines: those of GOARCH, where Go has one.
func Machines() []string {
	names := make([]string, len(machines))
	for i := range machines {
		names[i] = machines[i].name
	}
	return names
}

// lookup finds the row of a system call, or nil.
func lookup(name string) *sysent {
	lo, hi := 0, len(syscalls)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		switch c := strings.Compare(syscalls[mid].name, name); {
		case c < 0:
			lo = mid + 1
		case c > 0:
			hi = mid
		default:
			return &syscalls[mid]
		}
	}
	return nil
}

// number returns the number of a row on the ABI.
func (a *abi) number(row *sysent) (nr uint32, ok bool) {
	n := row.nr[a.column]
	if n >= apartFirst {
		return a.apart.first + uint32(n) - apartFirst, true
	}
	return a.base + uint32(n), n >= 0
}
