package ebpf

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// Every function here is one command of bpf(2), but for what is told of LoadProgram. A cgroup is a descriptor of its
// directory, O_PATH is enough.

// bpf makes the call, with a command's part of union bpf_attr.
func bpf[T any](command int, attr *T) (int, error) {
	for {
		n, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(command), uintptr(unsafe.Pointer(attr)), unsafe.Sizeof(*attr))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR, unix.EAGAIN: // of the verifier, when a signal is pending
		default:
			return -1, errno
		}
	}
}

// address is a pointer as the kernel's structures hold it; the caller keeps alive what it
// points to.
func address[T any](p *T) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }

type loadAttr struct {
	kind, count    uint32
	code, license  uint64
	logLevel, size uint32
	log            uint64
	_, _           uint32 // version, flags
	name           [nameSize]byte
	_              uint32 // of an interface
	attachType     uint32
}

// nameSize is the room for a program's name, with its end.
const nameSize = 16

// LoadProgram gives the kernel an assembled program of type BPF_PROG_TYPE_CGROUP_DEVICE, with a
// name of at most 15 letters, digits and underscores. Where the verifier refuses it, it is asked again, what
// it has to say, and its last line is part of the error.
func LoadProgram(name string, code []byte) (kernel.Fd, error) {
	license := []byte("Apache-2.0\x00")
	attr := loadAttr{kind: unix.BPF_PROG_TYPE_CGROUP_DEVICE, count: uint32(len(code) / instructionSize),
		code: address(unsafe.SliceData(code)), license: address(unsafe.SliceData(license)),
		attachType: unix.BPF_CGROUP_DEVICE}
	copy(attr.name[:nameSize-1], name)
	fd, err := bpf(unix.BPF_PROG_LOAD, &attr)
	if err == unix.EINVAL || err == unix.EACCES {
		log := make([]byte, 64<<10)
		attr.logLevel, attr.size, attr.log = 1, uint32(len(log)), address(unsafe.SliceData(log))
		if again, e := bpf(unix.BPF_PROG_LOAD, &attr); e == nil {
			unix.Close(again)
		}
		if last := lastLine(log); last != "" {
			err = fmt.Errorf("%w: the verifier says: %s", err, last)
		}
		runtime.KeepAlive(log)
	}
	runtime.KeepAlive(license)
	runtime.KeepAlive(code)
	return kernel.Own(fd), err
}

// lastLine is the last line of the verifier's log that is not about its work.
func lastLine(log []byte) (last string) {
	text, _, _ := bytes.Cut(log, []byte{0})
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "processed ") {
			last = line
		}
	}
	return last
}

type attachAttr struct{ cgroup, program, kind, flags, replaced uint32 }

// Attach attaches a program to a cgroup, beside those that are there: a device has to be allowed by
// all of them, and by those of the parents. With replaced, that one is
// replaced, and at no moment there is neither. It is EPERM, too, that a parent has a program which
// allows no others.
func Attach(cgroup int, program, replaced kernel.Fd) error {
	attr := attachAttr{cgroup: uint32(cgroup), program: uint32(program.Int()), kind: unix.BPF_CGROUP_DEVICE,
		flags: unix.BPF_F_ALLOW_MULTI}
	if replaced.Ok() {
		attr.flags |= unix.BPF_F_REPLACE
		attr.replaced = uint32(replaced.Int())
	}
	_, err := bpf(unix.BPF_PROG_ATTACH, &attr)
	return err
}

// Detach takes a program from a cgroup.
func Detach(cgroup int, program kernel.Fd) error {
	attr := attachAttr{cgroup: uint32(cgroup), program: uint32(program.Int()), kind: unix.BPF_CGROUP_DEVICE}
	_, err := bpf(unix.BPF_PROG_DETACH, &attr)
	return err
}

type queryAttr struct {
	cgroup, kind, _, _ uint32 // flags of the query and of what is attached
	ids                uint64
	count, _           uint32
	_                  [4]uint64 // newer kernels write here whatever size they are told
}

// maxAttached is the kernel's limit of programs in a cgroup, BPF_CGROUP_MAX_PROGS.
const maxAttached = 64

// Attached returns the ids of the programs of devices that are attached to the cgroup itself.
func Attached(cgroup int) ([]uint32, error) {
	var ids [maxAttached]uint32
	attr := queryAttr{cgroup: uint32(cgroup), kind: unix.BPF_CGROUP_DEVICE, ids: address(&ids), count: maxAttached}
	_, err := bpf(unix.BPF_PROG_QUERY, &attr)
	if err != nil {
		return nil, err
	}
	return ids[:attr.count:attr.count], nil
}

// OpenProgram opens the program of an id. ENOENT is that it is gone.
func OpenProgram(id uint32) (kernel.Fd, error) {
	attr := struct{ id, next, flags uint32 }{id: id}
	fd, err := bpf(unix.BPF_PROG_GET_FD_BY_ID, &attr)
	return kernel.Own(fd), err
}

type infoAttr struct {
	fd, size uint32
	info     uint64
}

// info is the beginning of struct bpf_prog_info.
type info struct {
	_, _ uint32  // type, id
	_    [8]byte // tag
	_, _ uint32  // sizes of the program, as the machine's and as the verifier's
	_, _ uint64  // where to put them
	_    uint64  // when it was loaded
	_, _ uint32  // by whom, and the number of its maps
	_    uint64  // their ids
	name [nameSize]byte
}

// Name returns the name that a program was loaded with.
func Name(program kernel.Fd) (string, error) {
	var i info
	attr := infoAttr{fd: uint32(program.Int()), size: uint32(unsafe.Sizeof(i)), info: address(&i)}
	_, err := bpf(unix.BPF_OBJ_GET_INFO_BY_FD, &attr)
	name, _, _ := bytes.Cut(i.name[:], []byte{0})
	return string(name), err
}
