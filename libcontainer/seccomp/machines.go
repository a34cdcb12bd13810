package seccomp

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const anyNumber = 1<<32 - 1

var amd64ABIs = [...]abi{
	{arch: specs.ArchX86_64, audit: unix.AUDIT_ARCH_X86_64, column: columnAMD64, last: x32Bit - 1, wide: true},
	{arch: specs.ArchX32, audit: unix.AUDIT_ARCH_X86_64, column: columnX32, base: x32Bit,
		first: x32Bit, last: anyNumber, apart: span{x32Bit + 512, x32Bit + 547}},
	{arch: specs.ArchX86, audit: unix.AUDIT_ARCH_I386, column: column386, last: anyNumber, multiplexed: true},
}

var arm64ABIs = [...]abi{
	{arch: specs.ArchAARCH64, audit: unix.AUDIT_ARCH_AARCH64, column: columnARM64, last: anyNumber, wide: true},
	{arch: specs.ArchARM, audit: unix.AUDIT_ARCH_ARM, column: columnARM, last: anyNumber,
		apart: span{0xf0000, 0xfffff}},
}

var riscv64ABIs = [...]abi{
	{arch: specs.ArchRISCV64, audit: unix.AUDIT_ARCH_RISCV64, column: columnRISCV64, last: anyNumber, wide: true},
}

var loong64ABIs = [...]abi{
	{arch: specs.ArchLOONGARCH64, audit: unix.AUDIT_ARCH_LOONGARCH64, column: columnLoong64, last: anyNumber,
		wide: true},
}

// s390xABIs are without SCMP_ARCH_S390, the 31-bit ABI, which Linux does not have any more.
var s390xABIs = [...]abi{
	{arch: specs.ArchS390X, audit: unix.AUDIT_ARCH_S390X, column: columnS390X, last: anyNumber,
		wide: true, big: true, multiplexed: true},
}

var ppc64ABIs = [...]abi{
	{arch: specs.ArchPPC64, audit: unix.AUDIT_ARCH_PPC64, column: columnPPC64, last: anyNumber,
		wide: true, big: true, multiplexed: true},
	{arch: specs.ArchPPC, audit: unix.AUDIT_ARCH_PPC, column: columnPPC, last: anyNumber,
		big: true, multiplexed: true},
}

var ppc64leABIs = [...]abi{
	{arch: specs.ArchPPC64LE, audit: unix.AUDIT_ARCH_PPC64LE, column: columnPPC64, last: anyNumber,
		wide: true, multiplexed: true},
}

// The bases of the numbers on MIPS, for each of its ABIs (arch/mips/include/uapi/asm/unistd.h).
const (
	baseO32 = 4000
	baseN64 = 5000
	baseN32 = 6000
)

var mips64ABIs = [...]abi{
	{arch: specs.ArchMIPS64, audit: unix.AUDIT_ARCH_MIPS64, column: columnMIPSN64, base: baseN64, last: anyNumber,
		wide: true, big: true},
	{arch: specs.ArchMIPS64N32, audit: unix.AUDIT_ARCH_MIPS64N32, column: columnMIPSN32, base: baseN32,
		last: anyNumber, big: true},
	{arch: specs.ArchMIPS, audit: unix.AUDIT_ARCH_MIPS, column: columnMIPSO32, base: baseO32, last: anyNumber,
		big: true, multiplexed: true},
}

var mips64leABIs = [...]abi{
	{arch: specs.ArchMIPSEL64, audit: unix.AUDIT_ARCH_MIPSEL64, column: columnMIPSN64, base: baseN64,
		last: anyNumber, wide: true},
	{arch: specs.ArchMIPSEL64N32, audit: unix.AUDIT_ARCH_MIPSEL64N32, column: columnMIPSN32, base: baseN32,
		last: anyNumber},
	{arch: specs.ArchMIPSEL, audit: unix.AUDIT_ARCH_MIPSEL, column: columnMIPSO32, base: baseO32, last: anyNumber,
		multiplexed: true},
}

var parisc64ABIs = [...]abi{
	{arch: specs.ArchPARISC64, audit: unix.AUDIT_ARCH_PARISC64, column: columnPARISC64, last: anyNumber,
		wide: true, big: true},
	{arch: specs.ArchPARISC, audit: unix.AUDIT_ARCH_PARISC, column: columnPARISC, last: anyNumber, big: true},
}

var m68kABIs = [...]abi{
	{arch: specs.ArchM68K, audit: unix.AUDIT_ARCH_M68K, column: columnM68K, last: anyNumber,
		big: true, multiplexed: true},
}

var shABIs = [...]abi{
	{arch: specs.ArchSH, audit: unix.AUDIT_ARCH_SHEL, column: columnSH, last: anyNumber, multiplexed: true},
}

var shebABIs = [...]abi{
	{arch: specs.ArchSHEB, audit: unix.AUDIT_ARCH_SH, column: columnSH, last: anyNumber, big: true,
		multiplexed: true},
}

// machines are all that a profile can be for, with the ABIs that their processes can have, the native
// one first. A machine of 32 bits has the last ABI of its bigger sister.
var machines = [...]struct {
	name string
	abis []abi
}{
	{"amd64", amd64ABIs[:]}, {"386", amd64ABIs[2:]},
	{"arm64", arm64ABIs[:]}, {"arm", arm64ABIs[1:]},
	{"riscv64", riscv64ABIs[:]}, {"loong64", loong64ABIs[:]}, {"s390x", s390xABIs[:]},
	{"ppc64", ppc64ABIs[:]}, {"ppc", ppc64ABIs[1:]}, {"ppc64le", ppc64leABIs[:]},
	{"mips64", mips64ABIs[:]}, {"mips", mips64ABIs[2:]}, {"mips64le", mips64leABIs[:]}, {"mipsle", mips64leABIs[2:]},
	{"parisc64", parisc64ABIs[:]}, {"parisc", parisc64ABIs[1:]},
	{"m68k", m68kABIs[:]}, {"sh", shABIs[:]}, {"sheb", shebABIs[:]},
}
