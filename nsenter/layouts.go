package nsenter

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The structs that system calls take are those of x/sys/unix, which are made from
// the kernel's headers for each architecture. What it lacks is here, and a test
// compares it with the headers.

// CloneArgs is struct clone_args of clone3(2) (include/uapi/linux/sched.h).
type CloneArgs struct {
	Flags      uint64
	Pidfd      uint64
	ChildTid   uint64
	ParentTid  uint64
	ExitSignal uint64
	Stack      uint64
	StackSize  uint64
	Tls        uint64
	SetTid     uint64
	SetTidSize uint64
	Cgroup     uint64
}

// sigaction is the kernel's struct of rt_sigaction(2), not libc's. All zero it is
// the default action.
type sigaction struct {
	Handler  uint64
	Flags    uint64
	Restorer uint64
	Mask     uint64
}

// ifreq is struct ifreq of netdevice(7), where it holds flags.
type ifreq struct {
	Name  [unix.IFNAMSIZ]byte
	Flags uint16
	_     [22]byte
}

const (
	sizeofSigset = 8  // what rt_sigaction(2) and rt_sigprocmask(2) want to be told
	sizeofSched  = 48 // SCHED_ATTR_SIZE_VER0: what comes behind is only looked at with flags of its own

	// A descriptor in a control message has as many bytes as the kernel wants to be
	// told (CMSG_LEN), and lies in a place of this size (CMSG_SPACE).
	cmsgLen   = unix.SizeofCmsghdr + 4
	cmsgSpace = unix.SizeofCmsghdr + 8
)

// layout is v as it lies in the kernel's memory. It must be a struct of which
// pointers are nil: those are the business of [Data.Pointers].
func layout[T any](v T) *Data {
	p := new(T)
	*p = v
	return &Data{Bytes: unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(v))}
}

// constant is the address of v.
func constant[T any](v T) Arg { return Address(layout(v).At(0)) }

// message is a struct msghdr of sendmsg(2) and recvmsg(2) with one byte of text.
func message(text, control *Data) *Data {
	iov := layout(unix.Iovec{Len: 1})
	iov.Pointers = []Pointer{{int(unsafe.Offsetof(unix.Iovec{}.Base)), text.At(0)}}
	msg := layout(unix.Msghdr{Iovlen: 1, Controllen: uint64(len(control.Bytes))})
	msg.Pointers = []Pointer{
		{int(unsafe.Offsetof(unix.Msghdr{}.Iov)), iov.At(0)},
		{int(unsafe.Offsetof(unix.Msghdr{}.Control)), control.At(0)},
	}
	return msg
}

// Stat is what a program learns of a file by [Program.Statx], or of its filesystem
// by [Program.Fstatfs]: the later one counts.
type Stat struct{ data *Data }

// NewStat makes room for struct statx.
func NewStat() Stat { return Stat{Buffer(int(unsafe.Sizeof(unix.Statx_t{})))} }

// Mode is the file's type and permissions as an argument of chmod, which takes 16
// bits of it and drops the type.
func (s Stat) Mode() Arg { return Load(s.data.At(int(unsafe.Offsetof(unix.Statx_t{}.Mode)))) }

// Filesystem is the filesystem's type, one of unix.*_SUPER_MAGIC.
func (s Stat) Filesystem() Arg { return Load(s.data.At(int(unsafe.Offsetof(unix.Statfs_t{}.Type)))) }

// A load takes eight bytes: the mode is the lower half of the upper four when it
// begins at the group.
const modeShift = 8 * int(unsafe.Offsetof(unix.Statx_t{}.Mode)-unsafe.Offsetof(unix.Statx_t{}.Gid))

func (s Stat) fileType() Arg { return Load(s.data.At(int(unsafe.Offsetof(unix.Statx_t{}.Gid)))) }

// JumpIfType goes on at t if the file is of this type, one of unix.S_IF*.
func (p *Program) JumpIfType(s Stat, fileType uint32, t Target) {
	p.JumpIf(s.fileType(), unix.S_IFMT<<modeShift, uint64(fileType)<<modeShift, t)
}

// JumpUnlessType goes on at t if the file is of another type.
func (p *Program) JumpUnlessType(s Stat, fileType uint32, t Target) {
	p.JumpUnless(s.fileType(), unix.S_IFMT<<modeShift, uint64(fileType)<<modeShift, t)
}

// ExpectType fails with errno if the file is of another type.
func (p *Program) ExpectType(s Stat, fileType uint32, errno unix.Errno) {
	p.Expect(s.fileType(), unix.S_IFMT<<modeShift, uint64(fileType)<<modeShift, errno)
}

// ExpectDevice fails with errno if the file is not the node of this device.
func (p *Program) ExpectDevice(s Stat, major, minor uint32, errno unix.Errno) {
	rdev := s.data.At(int(unsafe.Offsetof(unix.Statx_t{}.Rdev_major))) // and behind it the minor
	p.Expect(Load(rdev), ^uint64(0), uint64(major)|uint64(minor)<<32, errno)
}
