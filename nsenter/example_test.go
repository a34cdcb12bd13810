package nsenter_test

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// A program that makes a directory, unless there is one, and a tmpfs on it: as it is
// built, and as it prints itself. A call that fails ends the program, unless a rule
// of its own says otherwise.
func Example() {
	p := nsenter.New()
	root, fs, mount, dir := p.Cell("root"), p.Cell("fs"), p.Cell("mount"), p.Cell("dir")
	p.Label("mounting tmpfs on /tmp")
	p.Property("mounts[3]")
	p.Openat(nsenter.CWD, "/bundle/rootfs", unix.O_PATH|unix.O_DIRECTORY, 0).Into(root)
	p.Mkdirat(nsenter.Value(root), "tmp", 0o755).Ignore(unix.EEXIST)
	p.Openat2(nsenter.Value(root), "tmp", unix.OpenHow{
		Flags: unix.O_PATH | unix.O_DIRECTORY, Resolve: unix.RESOLVE_IN_ROOT,
	}).Into(dir)
	p.Fsopen("tmpfs").Into(fs)
	p.FsconfigSetString(nsenter.Value(fs), "size", "64k")
	p.FsconfigCreate(nsenter.Value(fs))
	p.Fsmount(nsenter.Value(fs), unix.MOUNT_ATTR_NOSUID).Into(mount)
	p.MoveMount(nsenter.Value(mount), nsenter.Value(dir), "")
	p.Print(os.Stdout)
	// Output:
	// # mounting tmpfs on /tmp
	//    0  openat(AT_FDCWD, "/bundle/rootfs", O_PATH|O_DIRECTORY, 00) = $root
	//    1  mkdirat($root, "tmp", 0755)  ; EEXIST: go on
	//    2  openat2($root, "tmp", {O_PATH|O_DIRECTORY, RESOLVE_IN_ROOT}, 24) = $dir  ; EAGAIN: again, 128 times
	//    3  fsopen("tmpfs", FSOPEN_CLOEXEC) = $fs
	//    4  fsconfig($fs, FSCONFIG_SET_STRING, "size", "64k", 0)
	//    5  fsconfig($fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0)
	//    6  fsmount($fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID) = $mount
	//    7  move_mount($mount, "", $dir, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)
}

// Tests and jumps: a directory is left alone, a file is removed by a mount on it. Jumps
// only go forward, to a target that is placed later.
func ExampleProgram_JumpIfType() {
	p := nsenter.New()
	stat, directory := nsenter.NewStat(), p.Target()
	p.Statx(nsenter.Int(3), "masked", stat)
	p.JumpIfType(stat, unix.S_IFDIR, directory)
	p.Mount("/dev/null", "masked", "", unix.MS_BIND, "")
	p.Place(directory)
	p.Close(nsenter.Int(3))
	for i := range p.Steps {
		fmt.Println(i, p.StepString(i))
	}
	// Output:
	// 0 statx(3, "masked", AT_EMPTY_PATH|AT_SYMLINK_NOFOLLOW, 0x7ff, buffer[256])
	// 1 if buffer[256]+24 & 0xf00000000000 == 0x400000000000 go to 3
	// 2 mount("/dev/null", "masked", NULL, MS_BIND, NULL)
	// 3 close(3)
}

// The machine in Go, on a kernel that lets everything succeed but the hostname: the
// report says which step failed, and the program what that step was for.
func ExampleInterpreter() {
	p := nsenter.New()
	p.Label("starting a session of its own")
	p.Setsid()
	p.Label("setting the hostname")
	p.Property("hostname")
	p.Sethostname("db1")
	p.Label("executing /bin/sh")
	p.Execve("/bin/sh", p.Strings([]string{"sh"}), p.Strings(nil))

	memory, err := nsenter.Assemble(p, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	machine := nsenter.Interpreter{Syscall: func(nr uintptr, _ [6]uint64) (uint64, unix.Errno) {
		fmt.Println(nsenter.SyscallName(nr))
		if nr == unix.SYS_SETHOSTNAME {
			return 0, unix.EPERM
		}
		return 0, 0
	}}
	report, err := machine.Run(memory)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Failure(report))
	// Output:
	// setsid
	// sethostname
	// setting the hostname: sethostname: operation not permitted
}
