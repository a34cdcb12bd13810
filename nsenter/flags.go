package nsenter

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// flagName is the name of a flag, or of one of several values.
type flagName struct {
	value uint64
	name  string
}

// flagNames are the names that the arguments of these formats are spelled with,
// in the order in which they are written.
var flagNames = [...][]flagName{
	openFlags: {
		{unix.O_PATH, "O_PATH"}, {unix.O_WRONLY, "O_WRONLY"}, {unix.O_RDWR, "O_RDWR"},
		{unix.O_CREAT, "O_CREAT"}, {unix.O_EXCL, "O_EXCL"}, {unix.O_TRUNC, "O_TRUNC"},
		{unix.O_NOCTTY, "O_NOCTTY"}, {unix.O_NONBLOCK, "O_NONBLOCK"}, {unix.O_DIRECTORY, "O_DIRECTORY"},
		{unix.O_NOFOLLOW, "O_NOFOLLOW"}, {unix.O_CLOEXEC, "O_CLOEXEC"},
	},
	resolveFlags: {
		{unix.RESOLVE_IN_ROOT, "RESOLVE_IN_ROOT"}, {unix.RESOLVE_BENEATH, "RESOLVE_BENEATH"},
		{unix.RESOLVE_NO_MAGICLINKS, "RESOLVE_NO_MAGICLINKS"},
		{unix.RESOLVE_NO_SYMLINKS, "RESOLVE_NO_SYMLINKS"}, {unix.RESOLVE_NO_XDEV, "RESOLVE_NO_XDEV"},
	},
	mountAttrs: {
		{unix.MOUNT_ATTR__ATIME, "MOUNT_ATTR__ATIME"}, {unix.MOUNT_ATTR_RDONLY, "MOUNT_ATTR_RDONLY"},
		{unix.MOUNT_ATTR_NOSUID, "MOUNT_ATTR_NOSUID"}, {unix.MOUNT_ATTR_NODEV, "MOUNT_ATTR_NODEV"},
		{unix.MOUNT_ATTR_NOEXEC, "MOUNT_ATTR_NOEXEC"}, {unix.MOUNT_ATTR_NOATIME, "MOUNT_ATTR_NOATIME"},
		{unix.MOUNT_ATTR_STRICTATIME, "MOUNT_ATTR_STRICTATIME"},
		{unix.MOUNT_ATTR_NODIRATIME, "MOUNT_ATTR_NODIRATIME"},
		{unix.MOUNT_ATTR_NOSYMFOLLOW, "MOUNT_ATTR_NOSYMFOLLOW"}, {unix.MOUNT_ATTR_IDMAP, "MOUNT_ATTR_IDMAP"},
	},
	mountFlags: {
		{unix.MS_REC, "MS_REC"}, {unix.MS_BIND, "MS_BIND"}, {unix.MS_REMOUNT, "MS_REMOUNT"},
		{unix.MS_SLAVE, "MS_SLAVE"}, {unix.MS_PRIVATE, "MS_PRIVATE"}, {unix.MS_MOVE, "MS_MOVE"},
		{unix.MS_SHARED, "MS_SHARED"}, {unix.MS_UNBINDABLE, "MS_UNBINDABLE"}, {unix.MS_RDONLY, "MS_RDONLY"},
		{unix.MS_NOSUID, "MS_NOSUID"}, {unix.MS_NODEV, "MS_NODEV"}, {unix.MS_NOEXEC, "MS_NOEXEC"},
	},
	moveFlags: {
		{unix.MOVE_MOUNT_F_EMPTY_PATH, "MOVE_MOUNT_F_EMPTY_PATH"},
		{unix.MOVE_MOUNT_T_EMPTY_PATH, "MOVE_MOUNT_T_EMPTY_PATH"},
	},
	treeFlags: {
		{unix.OPEN_TREE_CLONE, "OPEN_TREE_CLONE"}, {unix.OPEN_TREE_CLOEXEC, "OPEN_TREE_CLOEXEC"},
		{unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"}, {unix.AT_RECURSIVE, "AT_RECURSIVE"},
	},
	atFlags: {
		{unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"}, {unix.AT_RECURSIVE, "AT_RECURSIVE"},
		{unix.AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"},
	},
	cloneFlags: {
		{unix.CLONE_VM, "CLONE_VM"}, {unix.CLONE_VFORK, "CLONE_VFORK"}, {unix.CLONE_PARENT, "CLONE_PARENT"},
		{unix.CLONE_PARENT_SETTID, "CLONE_PARENT_SETTID"}, {unix.CLONE_PIDFD, "CLONE_PIDFD"},
		{unix.CLONE_CLEAR_SIGHAND, "CLONE_CLEAR_SIGHAND"}, {unix.CLONE_NEWUSER, "CLONE_NEWUSER"},
		{unix.CLONE_NEWNS, "CLONE_NEWNS"}, {unix.CLONE_NEWPID, "CLONE_NEWPID"},
		{unix.CLONE_NEWNET, "CLONE_NEWNET"}, {unix.CLONE_NEWIPC, "CLONE_NEWIPC"},
		{unix.CLONE_NEWUTS, "CLONE_NEWUTS"}, {unix.CLONE_NEWCGROUP, "CLONE_NEWCGROUP"},
		{unix.CLONE_NEWTIME, "CLONE_NEWTIME"},
	},
	fsconfigCommand: {
		{unix.FSCONFIG_SET_FLAG, "FSCONFIG_SET_FLAG"}, {unix.FSCONFIG_SET_STRING, "FSCONFIG_SET_STRING"},
		{unix.FSCONFIG_SET_FD, "FSCONFIG_SET_FD"}, {unix.FSCONFIG_CMD_CREATE, "FSCONFIG_CMD_CREATE"},
		{unix.FSCONFIG_CMD_RECONFIGURE, "FSCONFIG_CMD_RECONFIGURE"},
	},
	prctlOption: {
		{unix.PR_SET_NAME, "PR_SET_NAME"}, {unix.PR_SET_DUMPABLE, "PR_SET_DUMPABLE"},
		{unix.PR_SET_KEEPCAPS, "PR_SET_KEEPCAPS"}, {unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"},
		{unix.PR_CAP_AMBIENT, "PR_CAP_AMBIENT"}, {unix.PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS"},
		{unix.PR_SET_SECUREBITS, "PR_SET_SECUREBITS"}, {unix.PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG"},
	},
	closeRangeFlags: {{unix.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"}},
	fsmountFlags:    {{unix.FSMOUNT_CLOEXEC, "FSMOUNT_CLOEXEC"}},
	fsopenFlags:     {{unix.FSOPEN_CLOEXEC, "FSOPEN_CLOEXEC"}},
	umountFlags:     {{unix.MNT_DETACH, "MNT_DETACH"}, {unix.UMOUNT_NOFOLLOW, "UMOUNT_NOFOLLOW"}},
}

// spell writes v as a set of flags.
func (f format) spell(v uint64) string {
	if f == openFlags && v == 0 {
		return "O_RDONLY"
	}
	var parts []string
	for _, n := range flagNames[f] {
		if n.value != 0 && v&n.value == n.value {
			parts = append(parts, n.name)
			v &^= n.value
		}
	}
	if v != 0 {
		parts = append(parts, "0x"+strconv.FormatUint(v, 16))
	}
	if len(parts) == 0 {
		return "0"
	}
	return strings.Join(parts, "|")
}

// choose writes v as one of several values.
func (f format) choose(v uint64) string {
	for _, n := range flagNames[f] {
		if v == n.value {
			return n.name
		}
	}
	return strconv.FormatInt(int64(v), 10)
}
