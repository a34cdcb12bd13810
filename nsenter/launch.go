package nsenter

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

//go:noescape
func cloneExec(
	args *CloneArgs, size uintptr, keep *int32, n int, exe int, path *byte, argv, envp **byte, execErrno *int32,
) (r int)

// Child is a process that executes an image.
type Child struct {
	Pid   int
	Pidfd int // close-on-exec
}

// Options are what a process is launched with besides its image.
type Options struct {
	Flags  uint64         // CLONE_NEW*
	Cgroup kernel.Fd      // the cgroup v2 directory that it is born in; none: the launcher's
	Files  map[string]int // descriptors that stay open in it, as for [Assemble]; -1: none
}

// Launch clones a process that executes the image. The descriptors in o.Files, and 0,
// 1 and 2, stay open in it under their numbers, whatever their close-on-exec flag says;
// others as that flag says. All signals are blocked in it and have their default action
// unless ignored.
func Launch(img *Image, o Options) (*Child, error) {
	keep := make([]int32, 0, len(o.Files)+1)
	for _, fd := range o.Files {
		if fd >= 0 {
			keep = append(keep, int32(fd))
		}
	}
	var execErrno int32
	var pinner runtime.Pinner // the kernel writes to an address that Go does not know to be one
	defer pinner.Unpin()
	pidfd := new(int32)
	pinner.Pin(pidfd)
	args := &CloneArgs{
		Flags:      o.Flags | unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_PIDFD | unix.CLONE_CLEAR_SIGHAND,
		Pidfd:      uint64(uintptr(unsafe.Pointer(pidfd))),
		ExitSignal: uint64(unix.SIGCHLD),
	}
	if o.Cgroup.Ok() {
		args.Flags |= unix.CLONE_INTO_CGROUP
		args.Cgroup = uint64(o.Cgroup.Int())
	}
	name := append([]byte(ImageName), 0)
	argv := [2]*byte{&name[0], nil}
	envp := [1]*byte{nil}
	var empty byte

	r := cloneExec(args, unsafe.Sizeof(*args), unsafe.SliceData(keep), len(keep),
		img.Fd, &empty, &argv[0], &envp[0], &execErrno)
	if r < 0 {
		return nil, fmt.Errorf("clone3 of the container's first process (%s): %w",
			cloneFlags.spell(o.Flags), unix.Errno(-r))
	}
	if execErrno != 0 {
		_, _ = kernel.Wait(r)
		unix.Close(int(*pidfd))
		return nil, fmt.Errorf("executing the image: %w", unix.Errno(execErrno))
	}
	return &Child{Pid: r, Pidfd: int(*pidfd)}, nil
}
