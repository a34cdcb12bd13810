package nsenter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// machineBounds gives the machine's code in this executable's text.
//
//go:noescape
func machineBounds() (start, end *byte)

// machineCode is the code of the machine; it may run at any address.
func machineCode() []byte {
	start, end := machineBounds()
	size := uintptr(unsafe.Pointer(end)) - uintptr(unsafe.Pointer(start))
	if size > 0x1000-codeOffset {
		panic("nsenter: the linker moved the machine's end away from its start")
	}
	return unsafe.Slice(start, size)
}

const (
	elfHeaderSize  = 64
	elfSegmentSize = 56
	elfSections    = 64
	symbolSize     = 24

	elfSegmentsMax = 5
	codeOffset     = elfHeaderSize + elfSegmentsMax*elfSegmentSize
)

// extent is a piece of the image file. What lies between is a hole.
type extent struct {
	offset int64
	bytes  []byte
}

// imageFile lays the image out as a static ELF executable: the code, the page
// that the report will be mapped over, the program, its writable memory; and a
// symbol for each label, for debuggers.
func imageFile(p *Program, m *Memory) []extent {
	code := machineCode()
	head := make([]byte, codeOffset, codeOffset+len(code))
	roSize, rwSize := uint64(len(m.ReadOnly)), uint64(len(m.Writable))
	rwOffset := m.WritableAddr - imageBase
	symbols := align(rwOffset+rwSize, 8)
	table, sections := symbolSections(p, m, symbols)

	segments := 4
	segment := func(i int, flags uint32, addr, fileSize, memSize uint64) {
		putSegment(head[elfHeaderSize+i*elfSegmentSize:], flags, addr, fileSize, memSize)
	}
	segment(0, pfR|pfX, imageBase, uint64(codeOffset+len(code)), uint64(codeOffset+len(code)))
	segment(1, pfR|pfW, reportBase, 0, ReportSize)
	segment(2, pfR, programBase, roSize, roSize)
	segment(3, pfR|pfW, m.WritableAddr, rwSize, max(rwSize, 8))
	extents := []extent{
		{0, append(head, code...)},
		{programBase - imageBase, m.ReadOnly},
		{int64(rwOffset), m.Writable},
		{int64(symbols), append(table, sections...)},
	}
	if parked := uint64(len(m.Parked)); parked > 0 { // the headers are in the order of the addresses
		segment(3, pfR, m.ParkedAddr, parked, parked)
		segment(4, pfR|pfW, m.WritableAddr, rwSize, max(rwSize, 8))
		segments = 5
		extents = append(extents, extent{int64(m.ParkedAddr - imageBase), m.Parked})
	}
	putELFHeader(extents[0].bytes, segments, symbols+uint64(len(table)))
	return extents
}

const (
	pfX, pfW, pfR = 1, 2, 4
	ptLoad        = 1
)

func putELFHeader(b []byte, segments int, sections uint64) {
	le := binary.NativeEndian
	copy(b, "\x7fELF\x02\x01\x01") // 64 bits, little endian, version 1
	le.PutUint16(b[16:], 2)        // ET_EXEC
	le.PutUint16(b[18:], elfMachine)
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[24:], imageBase+codeOffset) // entry
	le.PutUint64(b[32:], elfHeaderSize)        // program headers
	le.PutUint64(b[40:], sections)
	le.PutUint16(b[52:], elfHeaderSize)
	le.PutUint16(b[54:], elfSegmentSize)
	le.PutUint16(b[56:], uint16(segments))
	le.PutUint16(b[58:], elfSections)
	le.PutUint16(b[60:], 4)
	le.PutUint16(b[62:], 3) // names of the sections
}

func putSegment(b []byte, flags uint32, addr, fileSize, memSize uint64) {
	le := binary.NativeEndian
	le.PutUint32(b, ptLoad)
	le.PutUint32(b[4:], flags)
	le.PutUint64(b[8:], addr-imageBase)
	le.PutUint64(b[16:], addr)
	le.PutUint64(b[24:], addr)
	le.PutUint64(b[32:], fileSize)
	le.PutUint64(b[40:], memSize)
	le.PutUint64(b[48:], segmentAlign)
}

const sectionNames = "\x00.symtab\x00.strtab\x00.shstrtab\x00"

// symbolSections returns the symbol table, the names and the section headers
// that lead a debugger to them; offset is where the table lies in the file.
func symbolSections(p *Program, m *Memory, offset uint64) (table, sections []byte) {
	le := binary.NativeEndian
	table = make([]byte, symbolSize, symbolSize*64) // the first symbol is empty by definition
	names := []byte{0}
	for i, next := 0, 0; i < len(p.Steps); i = next {
		label := p.Steps[i].Label
		for next = i; next < len(p.Steps) && p.Steps[next].Label == label; {
			next++
		}
		table = le.AppendUint32(table, uint32(len(names)))
		table = append(table, 0x11, 0, 0xf1, 0xff) // a global object at an absolute address
		table = le.AppendUint64(table, m.Entries[i])
		table = le.AppendUint64(table, m.Entries[next]-m.Entries[i])
		names = append(append(names, label...), 0)
	}
	symbols := uint64(len(table))
	table = append(table, names...)
	table = append(table, sectionNames...)
	table = append(table, make([]byte, -len(table)&7)...)

	sections = make([]byte, 4*elfSections)
	section := func(i int, name, kind uint32, off, size uint64, link, info uint32, entry uint64) {
		b := sections[i*elfSections:]
		le.PutUint32(b, name)
		le.PutUint32(b[4:], kind)
		le.PutUint64(b[24:], off)
		le.PutUint64(b[32:], size)
		le.PutUint32(b[40:], link)
		le.PutUint32(b[44:], info)
		le.PutUint64(b[48:], 1)
		le.PutUint64(b[56:], entry)
	}
	const symtab, strtab = 2, 3
	section(1, 1, symtab, offset, symbols, 2, 1, symbolSize)
	section(2, 9, strtab, offset+symbols, uint64(len(names)), 0, 0, 0)
	section(3, 17, strtab, offset+symbols+uint64(len(names)), uint64(len(sectionNames)), 0, 0, 0)
	return table, sections
}

// ImageName is the name of an image and of the process that executes it.
const ImageName = "rung:[init]"

// Image is an executable file that holds the machine and a program.
type Image struct {
	Fd  int // close-on-exec, cannot be written
	Dev uint64
	Ino uint64
}

// NewImage makes the image of an assembled program. With an empty dir it is a
// sealed memfd (memfd_create(2)); where those may not be executed (sysctl
// vm.memfd_noexec=2), or with a dir, an unlinked file in the first of the
// directories that allows executing.
func NewImage(p *Program, m *Memory, dir string, otherDirs ...string) (*Image, error) {
	extents := imageFile(p, m)
	if dir != "" {
		return fileImage(extents, dir)
	}
	img, err := memfdImage(extents)
	if !errors.Is(err, unix.EACCES) {
		return img, err
	}
	for _, d := range otherDirs {
		img, dirErr := fileImage(extents, d)
		if dirErr == nil {
			return img, nil
		}
		err = errors.Join(err, dirErr)
	}
	return nil, err
}

// Close closes the image's descriptor; processes that execute it go on.
func (i *Image) Close() error { return unix.Close(i.Fd) }

func (i *Image) identify() (*Image, error) {
	var st unix.Stat_t
	if err := unix.Fstat(i.Fd, &st); err != nil {
		unix.Close(i.Fd)
		return nil, fmt.Errorf("fstat of the image: %w", err)
	}
	i.Dev, i.Ino = uint64(st.Dev), st.Ino
	return i, nil
}

func memfdImage(extents []extent) (*Image, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(ImageName, flags|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate(ImageName, flags)
	}
	if err != nil {
		return nil, fmt.Errorf("memfd_create of the image: %w", err)
	}
	if err := write(fd, extents); err != nil {
		unix.Close(fd)
		return nil, err
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("sealing the image: %w", err)
	}
	return (&Image{Fd: fd}).identify()
}

func fileImage(extents []extent, dir string) (*Image, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return nil, fmt.Errorf("image directory %s: %w", dir, err)
	}
	if fs.Flags&unix.ST_NOEXEC != 0 {
		return nil, fmt.Errorf("image directory %s is mounted noexec: %w", dir, unix.EACCES)
	}
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o755)
	if err != nil {
		return nil, fmt.Errorf("unnamed file in image directory %s: %w", dir, err)
	}
	defer unix.Close(fd) // what is open for writing cannot be executed
	if err := write(fd, extents); err != nil {
		return nil, err
	}
	ro, err := unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("reopening the image read-only: %w", err)
	}
	return (&Image{Fd: ro}).identify()
}

func write(fd int, extents []extent) error {
	for _, e := range extents {
		for b, off := e.bytes, e.offset; len(b) > 0; {
			n, err := unix.Pwrite(fd, b, off)
			if err != nil {
				return fmt.Errorf("writing the image: %w", os.NewSyscallError("pwrite", err))
			}
			b, off = b[n:], off+int64(n)
		}
	}
	return nil
}
