package seccomp

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

//go:generate go run gen_syscalls.go

// The columns of the syscalls table.
const (
	columnAMD64 = iota
	columnX32
	column386
	columnARM64
	columnARM
	columns
)

// A sysent is one row of the table: a name, and its number on each ABI or -1.
// Numbers of x32 are without x32Bit.
type sysent struct {
	name string
	nr   [columns]int32
}

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

	// multiplexed says that socketcall and ipc exist.
	multiplexed bool
}

// A span is an inclusive range of system call numbers; the zero span is empty.
type span struct{ first, last uint32 }

func (s span) contains(nr uint32) bool { return s.last != 0 && s.first <= nr && nr <= s.last }

var amd64ABIs = [...]abi{
	{arch: specs.ArchX86_64, audit: unix.AUDIT_ARCH_X86_64, column: columnAMD64, last: x32Bit - 1, wide: true},
	{arch: specs.ArchX32, audit: unix.AUDIT_ARCH_X86_64, column: columnX32, base: x32Bit,
		first: x32Bit, last: 1<<32 - 1, apart: span{x32Bit + 512, x32Bit + 547}},
	{arch: specs.ArchX86, audit: unix.AUDIT_ARCH_I386, column: column386, last: 1<<32 - 1, multiplexed: true},
}

var arm64ABIs = [...]abi{
	{arch: specs.ArchAARCH64, audit: unix.AUDIT_ARCH_AARCH64, column: columnARM64, last: 1<<32 - 1, wide: true},
	{arch: specs.ArchARM, audit: unix.AUDIT_ARCH_ARM, column: columnARM, last: 1<<32 - 1,
		apart: span{0xf0000, 0xfffff}},
}

// abis returns the ABIs of a machine, the native one first, or nil for a
// GOARCH that is not supported.
func abis(goarch string) []abi {
	switch goarch {
	case "amd64":
		return amd64ABIs[:]
	case "arm64":
		return arm64ABIs[:]
	}
	return nil
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
	return a.base + uint32(n), n >= 0
}
