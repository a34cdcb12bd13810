package nsenter

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cloneArgs is struct clone_args of clone3(2).
type cloneArgs struct {
	flags      uint64
	pidfd      uint64
	childTid   uint64
	parentTid  uint64
	exitSignal uint64
	stack      uint64
	stackSize  uint64
	tls        uint64
	setTid     uint64
	setTidSize uint64
	cgroup     uint64
}

// CloneArgsSize is the size of clone3's argument, in bytes.
const CloneArgsSize = int(unsafe.Sizeof(cloneArgs{}))

// Clone adds a clone3 step that gives the child the memory as it is (no
// CLONE_VM); parentTid is where the pid goes, seen from the caller's namespace.
func (p *Program) Clone(flags uint64, parentTid Ref) Call {
	d := &Data{Bytes: make([]byte, CloneArgsSize)}
	*(*cloneArgs)(unsafe.Pointer(&d.Bytes[0])) = cloneArgs{flags: flags | unix.CLONE_PARENT_SETTID, exitSignal: uint64(unix.SIGCHLD)}
	if flags&unix.CLONE_PARENT != 0 { // the child inherits the exit signal, clone3(2) wants 0
		(*cloneArgs)(unsafe.Pointer(&d.Bytes[0])).exitSignal = 0
	}
	d.Pointers = []Pointer{{int(unsafe.Offsetof(cloneArgs{}.parentTid)), parentTid}}
	return p.Call(unix.SYS_CLONE3, Address(d.At(0)), Int(CloneArgsSize))
}

//go:noescape
func cloneExec(args *cloneArgs, size uintptr, keep *int32, n int, exe int, path *byte, argv, envp **byte, execErrno *int32) (r int)

// Child is a process that executes an image.
type Child struct {
	Pid   int
	Pidfd int // close-on-exec
}

// Options are what a process is launched with besides its image.
type Options struct {
	Flags  uint64         // CLONE_NEW*
	Cgroup int            // descriptor of the cgroup v2 directory that it is born in, 0: the launcher's
	Files  map[string]int // descriptors that stay open in it, as for [Assemble]
}

// Launch clones a process that executes the image. The descriptors in o.Files, and 0, 1 and 2, stay open in it under their
// numbers, whatever their close-on-exec flag says; others as that flag says. All
// signals are blocked in it and have their default action unless ignored.
func Launch(img *Image, o Options) (*Child, error) {
	keep := make([]int32, 0, len(o.Files)+1)
	for _, fd := range o.Files {
		keep = append(keep, int32(fd))
	}
	var execErrno int32
	var pinner runtime.Pinner // the kernel writes to an address that Go does not know to be one
	defer pinner.Unpin()
	pidfd := new(int32)
	pinner.Pin(pidfd)
	args := &cloneArgs{
		flags:      o.Flags | unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_PIDFD | unix.CLONE_CLEAR_SIGHAND,
		pidfd:      uint64(uintptr(unsafe.Pointer(pidfd))),
		exitSignal: uint64(unix.SIGCHLD),
	}
	if o.Cgroup > 0 {
		args.flags |= unix.CLONE_INTO_CGROUP
		args.cgroup = uint64(o.Cgroup)
	}
	name := append([]byte(ImageName), 0)
	argv := [2]*byte{&name[0], nil}
	envp := [1]*byte{nil}
	var empty byte

	r := cloneExec(args, unsafe.Sizeof(*args), unsafe.SliceData(keep), len(keep), img.Fd, &empty, &argv[0], &envp[0], &execErrno)
	if r < 0 {
		return nil, fmt.Errorf("clone3 of the container's first process (%s): %w", cloneFlags(o.Flags), unix.Errno(-r))
	}
	if execErrno != 0 {
		var status unix.WaitStatus
		unix.Wait4(r, &status, 0, nil)
		unix.Close(int(*pidfd))
		return nil, fmt.Errorf("executing the image: %w", unix.Errno(execErrno))
	}
	return &Child{Pid: r, Pidfd: int(*pidfd)}, nil
}
