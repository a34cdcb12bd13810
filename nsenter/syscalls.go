package nsenter

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

// syscall is what is known of a system call. Each has a verb, a method of
// [Program] that is named after it (file_verbs.go and its neighbours).
type syscall struct {
	name string
	args formats // how each argument is printed, and which one is the path
}

// syscalls are the calls that programs are made of, by their numbers on this
// machine.
var syscalls = [...]syscall{
	unix.SYS_ACCEPT4:           {"accept4", formats{fd, mem, mem, openFlags}},
	unix.SYS_CAPSET:            {"capset", formats{mem, mem}},
	unix.SYS_CHDIR:             {"chdir", formats{path}},
	unix.SYS_CHROOT:            {"chroot", formats{path}},
	unix.SYS_CLONE:             {"clone", formats{cloneFlags, hex, mem, hex, hex}},
	unix.SYS_CLONE3:            {"clone3", formats{cloneArgs, num}},
	unix.SYS_CLOCK_GETTIME:     {"clock_gettime", formats{num}},
	unix.SYS_CLOSE:             {"close", formats{fd}},
	unix.SYS_CLOSE_RANGE:       {"close_range", formats{num, hex, closeRangeFlags}},
	unix.SYS_DUP3:              {"dup3", formats{fd, fd, openFlags}},
	unix.SYS_EXECVE:            {"execve", formats{path, list, list}},
	unix.SYS_EXECVEAT:          {"execveat", formats{fd, path, list, list, num}},
	unix.SYS_EXIT_GROUP:        {"exit_group", formats{num}},
	unix.SYS_FCHDIR:            {"fchdir", formats{fd}},
	unix.SYS_FCHMODAT:          {"fchmodat", formats{fd, str, octal}},
	unix.SYS_FCHOWN:            {"fchown", formats{fd, num, num}},
	unix.SYS_FCHOWNAT:          {"fchownat", formats{fd, path, num, num, atFlags}},
	unix.SYS_FCNTL:             {"fcntl", formats{fd, num, num}},
	unix.SYS_FSCONFIG:          {"fsconfig", formats{fd, fsconfigCommand, str, str, num}},
	unix.SYS_FSMOUNT:           {"fsmount", formats{fd, fsmountFlags, mountAttrs}},
	unix.SYS_FSOPEN:            {"fsopen", formats{str, fsopenFlags}},
	unix.SYS_FSPICK:            {"fspick", formats{fd, str}},
	unix.SYS_FSTATFS:           {"fstatfs", formats{fd, mem}},
	unix.SYS_GETPID:            {name: "getpid"},
	unix.SYS_FUTEX:             {"futex", formats{mem, num, num, mem}},
	unix.SYS_IOCTL:             {"ioctl", formats{fd, hex, mem}},
	unix.SYS_IOPRIO_SET:        {"ioprio_set", formats{num, num}},
	unix.SYS_KEYCTL:            {"keyctl", formats{num, str}},
	unix.SYS_MADVISE:           {"madvise", formats{hex, hex, num}},
	unix.SYS_MKDIRAT:           {"mkdirat", formats{fd, path, octal}},
	unix.SYS_MKNODAT:           {"mknodat", formats{fd, path, octal}},
	unix.SYS_MMAP:              {"mmap", formats{hex, hex, hex, hex, fd, num}},
	unix.SYS_MOUNT:             {"mount", formats{str, path, str, mountFlags, str}},
	unix.SYS_MOUNT_SETATTR:     {"mount_setattr", formats{fd, str, atFlags, mountAttr, num}},
	unix.SYS_MOVE_MOUNT:        {"move_mount", formats{fd, path, fd, str, moveFlags}},
	unix.SYS_OPENAT:            {"openat", formats{fd, path, openFlags, octal}},
	unix.SYS_OPENAT2:           {"openat2", formats{fd, path, openHow, num}},
	unix.SYS_OPEN_TREE:         {"open_tree", formats{fd, path, treeFlags}},
	unix.SYS_PERSONALITY:       {name: "personality"},
	unix.SYS_PIDFD_OPEN:        {"pidfd_open", formats{num, num}},
	unix.SYS_PIDFD_SEND_SIGNAL: {"pidfd_send_signal", formats{fd, num, mem, num}},
	unix.SYS_PIVOT_ROOT:        {"pivot_root", formats{str, str}},
	unix.SYS_PRCTL:             {"prctl", formats{prctlOption, hexMem}},
	unix.SYS_PRLIMIT64:         {"prlimit64", formats{num, num, mem, mem}},
	unix.SYS_READ:              {"read", formats{fd, mem, num}},
	unix.SYS_RECVMSG:           {"recvmsg", formats{fd, mem}},
	unix.SYS_RT_SIGACTION:      {"rt_sigaction", formats{num, mem, mem, num}},
	unix.SYS_RT_SIGPROCMASK:    {"rt_sigprocmask", formats{num, mem, mem, num}},
	unix.SYS_SCHED_SETAFFINITY: {"sched_setaffinity", formats{num, num, mem}},
	unix.SYS_SCHED_SETATTR:     {"sched_setattr", formats{num, mem, num}},
	unix.SYS_SECCOMP:           {"seccomp", formats{num, hex, mem}},
	unix.SYS_SENDMSG:           {"sendmsg", formats{fd, mem}},
	unix.SYS_SETDOMAINNAME:     {"setdomainname", formats{str, num}},
	unix.SYS_SETGROUPS:         {"setgroups", formats{num, mem}},
	unix.SYS_SETHOSTNAME:       {"sethostname", formats{str, num}},
	unix.SYS_SETNS:             {"setns", formats{fd, cloneFlags}},
	unix.SYS_SETPGID:           {"setpgid", formats{num, num}},
	unix.SYS_SETRESGID:         {"setresgid", formats{num, num, num}},
	unix.SYS_SETRESUID:         {"setresuid", formats{num, num, num}},
	unix.SYS_SETSID:            {name: "setsid"},
	unix.SYS_SET_MEMPOLICY:     {"set_mempolicy", formats{hex, mem, num}},
	unix.SYS_SOCKET:            {"socket", formats{num, hex, num}},
	unix.SYS_STATX:             {"statx", formats{fd, str, atFlags, hex, mem}},
	unix.SYS_SYMLINKAT:         {"symlinkat", formats{str, fd, path}},
	unix.SYS_UMASK:             {"umask", formats{octal}},
	unix.SYS_UMOUNT2:           {"umount2", formats{str, umountFlags}},
	unix.SYS_UNSHARE:           {"unshare", formats{cloneFlags}},
	unix.SYS_WRITE:             {"write", formats{fd, mem, num}},
}

// describe is what is known of the call with this number; of a stranger, its number.
func describe(nr uintptr) syscall {
	if nr < uintptr(len(syscalls)) && syscalls[nr].name != "" {
		return syscalls[nr]
	}
	return syscall{name: fmt.Sprintf("syscall %d", nr)}
}

// SyscallName is the name of a system call that programs use, "syscall N" for
// any other.
func SyscallName(nr uintptr) string { return describe(nr).name }

// CallName is the name of the step's system call, "test" if it makes none.
func (s *Step) CallName() string {
	if s.Op == OpTest {
		return "test"
	}
	return SyscallName(s.Nr)
}

// Path is the path that the step's call is about, "" if it takes none.
func (s *Step) Path() string {
	if s.Op == OpTest {
		return ""
	}
	formats := describe(s.Nr).args
	for i := range min(len(s.Args), len(formats)) {
		if formats[i] == path && s.Args[i].ref.kind == refData {
			text, _, _ := bytes.Cut(s.Args[i].ref.data.Bytes, []byte{0})
			return string(text)
		}
	}
	return ""
}
