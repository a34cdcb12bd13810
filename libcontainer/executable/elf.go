package executable

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// A header is what the kernel needs of an ELF header (elf(5)).
type header struct {
	class   byte // ELFCLASS*
	order   binary.ByteOrder
	machine uint16 // EM_*
	kind    uint16 // ET_*
	phoff   uint64
	phsize  uint16
	phnum   uint16
}

// parseELF reads an ELF header and says what is wrong with it on this machine,
// or "".
func parseELF(head []byte) (h header, problem string) {
	const truncated = "it is a truncated ELF file"
	if len(head) < 52 {
		return h, truncated
	}
	h.class = head[unix.EI_CLASS]
	h.order = binary.LittleEndian
	if head[unix.EI_DATA] == unix.ELFDATA2MSB {
		h.order = binary.BigEndian
	}
	h.kind = h.order.Uint16(head[16:])
	h.machine = h.order.Uint16(head[18:])
	switch {
	case h.class == unix.ELFCLASS32:
		h.phoff = uint64(h.order.Uint32(head[28:]))
		h.phsize, h.phnum = h.order.Uint16(head[42:]), h.order.Uint16(head[44:])
	case len(head) < 64:
		return h, truncated
	default:
		h.phoff, h.phsize, h.phnum = h.order.Uint64(head[32:]), h.order.Uint16(head[54:]), h.order.Uint16(head[56:])
	}
	if !runs(runtime.GOARCH, h) {
		return h, fmt.Sprintf("built for %s, this machine is %s", h.machineName(), machineName(runtime.GOARCH))
	}
	if h.kind != unix.ET_EXEC && h.kind != unix.ET_DYN {
		return h, "it is an ELF file, but no program"
	}
	return h, ""
}

// runs reports whether a machine can run a program as far as the header tells.
// Whether the kernel (or the processor) still has the 32-bit mode is left to
// execve.
func runs(goarch string, h header) bool {
	if h.order == binary.BigEndian {
		return false
	}
	switch goarch {
	case "amd64":
		return h.machine == unix.EM_X86_64 || h.machine == unix.EM_386 && h.class == unix.ELFCLASS32
	case "arm64":
		return h.machine == unix.EM_AARCH64 && h.class == unix.ELFCLASS64 ||
			h.machine == unix.EM_ARM && h.class == unix.ELFCLASS32
	}
	return true
}

// machineName names a machine as uname -m does.
func machineName(goarch string) string {
	return cmp.Or(map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[goarch], goarch)
}

func (h header) machineName() string {
	little := h.order == binary.LittleEndian
	switch h.machine {
	case unix.EM_X86_64:
		return "x86_64"
	case unix.EM_386:
		return "i386"
	case unix.EM_AARCH64:
		return "aarch64"
	case unix.EM_ARM:
		return "arm"
	case unix.EM_S390:
		return "s390x"
	case unix.EM_LOONGARCH:
		return "loongarch64"
	case unix.EM_RISCV:
		if h.class == unix.ELFCLASS64 {
			return "riscv64"
		}
		return "riscv32"
	case unix.EM_PPC64:
		if little {
			return "ppc64le"
		}
		return "ppc64"
	case unix.EM_MIPS:
		if little {
			return "mipsel"
		}
		return "mips"
	}
	return fmt.Sprintf("another machine (ELF number %d)", h.machine)
}

// loader returns the path in PT_INTERP, or "" for a static program and for one
// that cannot be read.
func (h header) loader(fd int) string {
	size := 56
	if h.class == unix.ELFCLASS32 {
		size = 32
	}
	if int(h.phsize) != size || int(h.phnum)*size > 1<<16 { // as the kernel (load_elf_phdrs)
		return ""
	}
	table := make([]byte, size*int(h.phnum))
	if n, err := unix.Pread(fd, table, int64(h.phoff)); err != nil || n < len(table) {
		return ""
	}
	for ; len(table) > 0; table = table[size:] {
		if h.order.Uint32(table) == unix.PT_INTERP {
			return h.pathAt(fd, table)
		}
	}
	return ""
}

// pathAt reads the string that a program header describes.
func (h header) pathAt(fd int, ph []byte) string {
	var off, size uint64
	if h.class == unix.ELFCLASS32 {
		off, size = uint64(h.order.Uint32(ph[4:])), uint64(h.order.Uint32(ph[16:]))
	} else {
		off, size = h.order.Uint64(ph[8:]), h.order.Uint64(ph[32:])
	}
	if size < 2 || size > 4096 { // as the kernel does: PATH_MAX
		return ""
	}
	buf := make([]byte, size)
	if n, err := unix.Pread(fd, buf, int64(off)); err != nil || n < len(buf) {
		return ""
	}
	name, _, _ := bytes.Cut(buf, []byte{0})
	return string(name)
}
