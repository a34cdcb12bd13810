package nsenter

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

const sysExitGroup = unix.SYS_EXIT_GROUP

// SyscallName is the name of a system call that programs use, "syscall N" for
// any other.
func SyscallName(nr uintptr) string {
	name, _ := signature(nr)
	return name
}

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
	_, formats := signature(s.Nr)
	for i := range s.Args {
		if i < len(formats) && formats[i].data != nil && s.Args[i].ref.kind == refData && isPath(s.Nr, i) {
			text, _, _ := bytes.Cut(s.Args[i].ref.data.Bytes, []byte{0})
			return string(text)
		}
	}
	return ""
}

// isPath tells whether argument i of a call is a path (and not another string).
func isPath(nr uintptr, i int) bool {
	switch nr {
	case unix.SYS_EXECVE, unix.SYS_CHDIR, unix.SYS_CHROOT:
		return i == 0
	case unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_MKDIRAT, unix.SYS_MKNODAT, unix.SYS_OPEN_TREE,
		unix.SYS_MOVE_MOUNT, unix.SYS_FCHOWNAT, unix.SYS_UNLINKAT, unix.SYS_MOUNT:
		return i == 1
	case unix.SYS_SYMLINKAT:
		return i == 2
	}
	return false
}

// signature is the name of a call and how its arguments are printed.
func signature(nr uintptr) (string, []format) {
	fd, num, hex, octal, str := formatFd, formatInt, formatHex, formatOctal, formatString
	mem := formatBytes
	flags := func(f func(uint64) string) format { return format{value: f} }
	switch nr {
	case unix.SYS_ACCEPT4:
		return "accept4", []format{fd, mem, mem, flags(openFlags)}
	case unix.SYS_CAPSET:
		return "capset", []format{mem, mem}
	case unix.SYS_CHDIR:
		return "chdir", []format{str}
	case unix.SYS_CHROOT:
		return "chroot", []format{str}
	case unix.SYS_CLONE3:
		return "clone3", []format{formatClone, num}
	case unix.SYS_CLOCK_GETTIME:
		return "clock_gettime", []format{num, hex}
	case unix.SYS_CLOSE:
		return "close", []format{fd}
	case unix.SYS_CLOSE_RANGE:
		return "close_range", []format{num, hex, flags(flagSet(flagName{unix.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"}))}
	case unix.SYS_CONNECT:
		return "connect", []format{fd, mem, num}
	case unix.SYS_DUP3:
		return "dup3", []format{fd, fd, flags(openFlags)}
	case unix.SYS_EXECVE:
		return "execve", []format{str, formatList, formatList}
	case unix.SYS_EXIT_GROUP:
		return "exit_group", []format{num}
	case unix.SYS_FCHDIR:
		return "fchdir", []format{fd}
	case unix.SYS_FCHMODAT:
		return "fchmodat", []format{fd, str, octal}
	case unix.SYS_FCHOWN:
		return "fchown", []format{fd, num, num}
	case unix.SYS_FCHOWNAT:
		return "fchownat", []format{fd, str, num, num, flags(atFlags)}
	case unix.SYS_FCNTL:
		return "fcntl", []format{fd, num, num}
	case unix.SYS_FSCONFIG:
		return "fsconfig", []format{fd, flags(fsconfigCommand), str, str, num}
	case unix.SYS_FSMOUNT:
		return "fsmount", []format{fd, flags(flagSet(flagName{unix.FSMOUNT_CLOEXEC, "FSMOUNT_CLOEXEC"})), flags(mountAttrs)}
	case unix.SYS_FSOPEN:
		return "fsopen", []format{str, flags(flagSet(flagName{unix.FSOPEN_CLOEXEC, "FSOPEN_CLOEXEC"}))}
	case unix.SYS_FSPICK:
		return "fspick", []format{fd, str, hex}
	case unix.SYS_FSTATFS:
		return "fstatfs", []format{fd, mem}
	case unix.SYS_GETPID:
		return "getpid", nil
	case unix.SYS_IOCTL:
		return "ioctl", []format{fd, hex, mem}
	case unix.SYS_IOPRIO_SET:
		return "ioprio_set", []format{num, num, hex}
	case unix.SYS_KEYCTL:
		return "keyctl", []format{num, str, hex, hex}
	case unix.SYS_KILL:
		return "kill", []format{num, num}
	case unix.SYS_MADVISE:
		return "madvise", []format{hex, hex, num}
	case unix.SYS_MKDIRAT:
		return "mkdirat", []format{fd, str, octal}
	case unix.SYS_MKNODAT:
		return "mknodat", []format{fd, str, octal, hex}
	case unix.SYS_MMAP:
		return "mmap", []format{hex, hex, hex, hex, fd, num}
	case unix.SYS_MOUNT:
		return "mount", []format{str, str, str, flags(mountFlags), str}
	case unix.SYS_MOUNT_SETATTR:
		return "mount_setattr", []format{fd, str, flags(atFlags), formatAttr, num}
	case unix.SYS_MOVE_MOUNT:
		return "move_mount", []format{fd, str, fd, str, flags(moveFlags)}
	}
	return signatureNtoZ(nr, fd, num, hex, octal, str, mem, flags)
}

// signatureNtoZ is the second half of [signature].
func signatureNtoZ(nr uintptr, fd, num, hex, octal, str, mem format, flags func(func(uint64) string) format) (string, []format) {
	switch nr {
	case unix.SYS_OPENAT:
		return "openat", []format{fd, str, flags(openFlags), octal}
	case unix.SYS_OPENAT2:
		return "openat2", []format{fd, str, formatHow, num}
	case unix.SYS_OPEN_TREE:
		return "open_tree", []format{fd, str, flags(treeFlags)}
	case unix.SYS_PERSONALITY:
		return "personality", []format{hex}
	case unix.SYS_PIDFD_OPEN:
		return "pidfd_open", []format{num, num}
	case unix.SYS_PIDFD_SEND_SIGNAL:
		return "pidfd_send_signal", []format{fd, num, mem, num}
	case unix.SYS_PIVOT_ROOT:
		return "pivot_root", []format{str, str}
	case unix.SYS_PPOLL:
		return "ppoll", []format{mem, num, mem, mem, num}
	case unix.SYS_PRCTL:
		return "prctl", []format{flags(prctlOption), {value: formatHex.value, data: formatBytes.data}, hex, hex, hex}
	case unix.SYS_PRLIMIT64:
		return "prlimit64", []format{num, num, mem, mem}
	case unix.SYS_READ:
		return "read", []format{fd, mem, num}
	case unix.SYS_RECVMSG:
		return "recvmsg", []format{fd, mem, hex}
	case unix.SYS_RT_SIGACTION:
		return "rt_sigaction", []format{num, mem, mem, num}
	case unix.SYS_RT_SIGPROCMASK:
		return "rt_sigprocmask", []format{num, mem, mem, num}
	case unix.SYS_SCHED_SETAFFINITY:
		return "sched_setaffinity", []format{num, num, mem}
	case unix.SYS_SCHED_SETATTR:
		return "sched_setattr", []format{num, mem, num}
	case unix.SYS_SECCOMP:
		return "seccomp", []format{num, hex, mem}
	case unix.SYS_SENDMSG:
		return "sendmsg", []format{fd, mem, hex}
	case unix.SYS_SETDOMAINNAME:
		return "setdomainname", []format{str, num}
	case unix.SYS_SETGROUPS:
		return "setgroups", []format{num, mem}
	case unix.SYS_SETHOSTNAME:
		return "sethostname", []format{str, num}
	case unix.SYS_SETNS:
		return "setns", []format{fd, flags(cloneFlags)}
	case unix.SYS_SETPGID:
		return "setpgid", []format{num, num}
	case unix.SYS_SETRESGID:
		return "setresgid", []format{num, num, num}
	case unix.SYS_SETRESUID:
		return "setresuid", []format{num, num, num}
	case unix.SYS_SETSID:
		return "setsid", nil
	case unix.SYS_SET_MEMPOLICY:
		return "set_mempolicy", []format{hex, mem, num}
	case unix.SYS_SOCKET:
		return "socket", []format{num, hex, num}
	case unix.SYS_STATX:
		return "statx", []format{fd, str, flags(atFlags), hex, mem}
	case unix.SYS_SYMLINKAT:
		return "symlinkat", []format{str, fd, str}
	case unix.SYS_UMASK:
		return "umask", []format{octal}
	case unix.SYS_UMOUNT2:
		return "umount2", []format{str, flags(flagSet(flagName{unix.MNT_DETACH, "MNT_DETACH"}))}
	case unix.SYS_UNLINKAT:
		return "unlinkat", []format{fd, str, hex}
	case unix.SYS_UNSHARE:
		return "unshare", []format{flags(cloneFlags)}
	case unix.SYS_WAIT4:
		return "wait4", []format{num, mem, num, mem}
	case unix.SYS_WRITE:
		return "write", []format{fd, mem, num}
	}
	return fmt.Sprintf("syscall %d", nr), nil
}

func openFlags(v uint64) string {
	if v == 0 {
		return "O_RDONLY"
	}
	return flagSet(
		flagName{unix.O_PATH, "O_PATH"}, flagName{unix.O_WRONLY, "O_WRONLY"}, flagName{unix.O_RDWR, "O_RDWR"},
		flagName{unix.O_CREAT, "O_CREAT"}, flagName{unix.O_EXCL, "O_EXCL"}, flagName{unix.O_TRUNC, "O_TRUNC"},
		flagName{unix.O_NOCTTY, "O_NOCTTY"}, flagName{unix.O_NONBLOCK, "O_NONBLOCK"},
		flagName{unix.O_DIRECTORY, "O_DIRECTORY"}, flagName{unix.O_NOFOLLOW, "O_NOFOLLOW"},
		flagName{unix.O_CLOEXEC, "O_CLOEXEC"},
	)(v)
}

func resolveFlags(v uint64) string {
	return flagSet(
		flagName{unix.RESOLVE_IN_ROOT, "RESOLVE_IN_ROOT"}, flagName{unix.RESOLVE_BENEATH, "RESOLVE_BENEATH"},
		flagName{unix.RESOLVE_NO_MAGICLINKS, "RESOLVE_NO_MAGICLINKS"},
		flagName{unix.RESOLVE_NO_SYMLINKS, "RESOLVE_NO_SYMLINKS"}, flagName{unix.RESOLVE_NO_XDEV, "RESOLVE_NO_XDEV"},
	)(v)
}

func mountAttrs(v uint64) string {
	return flagSet(
		flagName{unix.MOUNT_ATTR__ATIME, "MOUNT_ATTR__ATIME"},
		flagName{unix.MOUNT_ATTR_RDONLY, "MOUNT_ATTR_RDONLY"}, flagName{unix.MOUNT_ATTR_NOSUID, "MOUNT_ATTR_NOSUID"},
		flagName{unix.MOUNT_ATTR_NODEV, "MOUNT_ATTR_NODEV"}, flagName{unix.MOUNT_ATTR_NOEXEC, "MOUNT_ATTR_NOEXEC"},
		flagName{unix.MOUNT_ATTR_NOATIME, "MOUNT_ATTR_NOATIME"}, flagName{unix.MOUNT_ATTR_STRICTATIME, "MOUNT_ATTR_STRICTATIME"},
		flagName{unix.MOUNT_ATTR_NODIRATIME, "MOUNT_ATTR_NODIRATIME"}, flagName{unix.MOUNT_ATTR_NOSYMFOLLOW, "MOUNT_ATTR_NOSYMFOLLOW"},
		flagName{unix.MOUNT_ATTR_IDMAP, "MOUNT_ATTR_IDMAP"},
	)(v)
}

func mountFlags(v uint64) string {
	return flagSet(
		flagName{unix.MS_REC, "MS_REC"}, flagName{unix.MS_BIND, "MS_BIND"}, flagName{unix.MS_REMOUNT, "MS_REMOUNT"},
		flagName{unix.MS_SLAVE, "MS_SLAVE"}, flagName{unix.MS_PRIVATE, "MS_PRIVATE"}, flagName{unix.MS_MOVE, "MS_MOVE"},
		flagName{unix.MS_SHARED, "MS_SHARED"}, flagName{unix.MS_UNBINDABLE, "MS_UNBINDABLE"},
		flagName{unix.MS_RDONLY, "MS_RDONLY"}, flagName{unix.MS_NOSUID, "MS_NOSUID"},
		flagName{unix.MS_NODEV, "MS_NODEV"}, flagName{unix.MS_NOEXEC, "MS_NOEXEC"},
	)(v)
}

func moveFlags(v uint64) string {
	return flagSet(
		flagName{unix.MOVE_MOUNT_F_EMPTY_PATH, "MOVE_MOUNT_F_EMPTY_PATH"},
		flagName{unix.MOVE_MOUNT_T_EMPTY_PATH, "MOVE_MOUNT_T_EMPTY_PATH"},
	)(v)
}

func treeFlags(v uint64) string {
	return flagSet(
		flagName{unix.OPEN_TREE_CLONE, "OPEN_TREE_CLONE"}, flagName{unix.OPEN_TREE_CLOEXEC, "OPEN_TREE_CLOEXEC"},
		flagName{unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"}, flagName{unix.AT_RECURSIVE, "AT_RECURSIVE"},
	)(v)
}

func atFlags(v uint64) string {
	return flagSet(
		flagName{unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"}, flagName{unix.AT_RECURSIVE, "AT_RECURSIVE"},
		flagName{unix.AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"},
	)(v)
}

func cloneFlags(v uint64) string {
	return flagSet(
		flagName{unix.CLONE_VM, "CLONE_VM"}, flagName{unix.CLONE_VFORK, "CLONE_VFORK"},
		flagName{unix.CLONE_PARENT, "CLONE_PARENT"}, flagName{unix.CLONE_PARENT_SETTID, "CLONE_PARENT_SETTID"},
		flagName{unix.CLONE_PIDFD, "CLONE_PIDFD"}, flagName{unix.CLONE_CLEAR_SIGHAND, "CLONE_CLEAR_SIGHAND"},
		flagName{unix.CLONE_NEWUSER, "CLONE_NEWUSER"}, flagName{unix.CLONE_NEWNS, "CLONE_NEWNS"},
		flagName{unix.CLONE_NEWPID, "CLONE_NEWPID"}, flagName{unix.CLONE_NEWNET, "CLONE_NEWNET"},
		flagName{unix.CLONE_NEWIPC, "CLONE_NEWIPC"}, flagName{unix.CLONE_NEWUTS, "CLONE_NEWUTS"},
		flagName{unix.CLONE_NEWCGROUP, "CLONE_NEWCGROUP"}, flagName{unix.CLONE_NEWTIME, "CLONE_NEWTIME"},
	)(v)
}

func fsconfigCommand(v uint64) string {
	return oneOf(
		flagName{unix.FSCONFIG_SET_FLAG, "FSCONFIG_SET_FLAG"}, flagName{unix.FSCONFIG_SET_STRING, "FSCONFIG_SET_STRING"},
		flagName{unix.FSCONFIG_SET_FD, "FSCONFIG_SET_FD"}, flagName{unix.FSCONFIG_CMD_CREATE, "FSCONFIG_CMD_CREATE"},
		flagName{unix.FSCONFIG_CMD_RECONFIGURE, "FSCONFIG_CMD_RECONFIGURE"},
	)(v)
}

func prctlOption(v uint64) string {
	return oneOf(
		flagName{unix.PR_SET_NAME, "PR_SET_NAME"}, flagName{unix.PR_SET_DUMPABLE, "PR_SET_DUMPABLE"},
		flagName{unix.PR_SET_KEEPCAPS, "PR_SET_KEEPCAPS"}, flagName{unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"},
		flagName{unix.PR_CAP_AMBIENT, "PR_CAP_AMBIENT"}, flagName{unix.PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS"},
		flagName{unix.PR_SET_SECUREBITS, "PR_SET_SECUREBITS"}, flagName{unix.PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG"},
	)(v)
}
