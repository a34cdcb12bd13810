package nsenter

import (
	"testing"

	"golang.org/x/sys/unix"
)

// verbs has each verb, and what it adds.
var verbs = []struct {
	add  func(p *Program)
	want string
}{
	{func(p *Program) { p.Openat(CWD, "/", unix.O_PATH|unix.O_DIRECTORY, 0) },
		`openat(AT_FDCWD, "/", O_PATH|O_DIRECTORY, 00)`},
	{func(p *Program) {
		p.Openat2(Int(3), "a\nb", unix.OpenHow{Mode: 0o644, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
	}, `openat2(3, "a\nb", {O_RDONLY, 0644, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}, 24)  ; EAGAIN: again, 128 times`},
	{func(p *Program) { p.Close(Value(p.Cell("fs"))) }, `close($fs)`},
	{func(p *Program) { p.CloseRange(3, ^uint32(0), unix.CLOSE_RANGE_CLOEXEC) },
		`close_range(3, 0xffffffff, CLOSE_RANGE_CLOEXEC)`},
	{func(p *Program) { p.Dup3(File("pipe"), 1, 0) }, `dup3(<pipe>, 1, O_RDONLY)`},
	{func(p *Program) { p.Fcntl(Int(4), unix.F_SETFD, 0) }, `fcntl(4, 2, 0)`},
	{func(p *Program) { p.Read(Int(3), ReportMessage(), 1023) }, `read(3, &report+64, 1023)`},
	{func(p *Program) { p.Write(File("launcher"), "abc") }, `write(<launcher>, "abc", 3)`},
	{func(p *Program) { p.Ioctl(Int(0), unix.TIOCSCTTY, Int(0)) }, `ioctl(0, 0x540e, NULL)`},
	{func(p *Program) { p.Statx(Int(3), "", NewStat()) },
		`statx(3, "", AT_EMPTY_PATH|AT_SYMLINK_NOFOLLOW, 0x7ff, buffer[256])`},
	{func(p *Program) { p.Fstatfs(Int(3), NewStat()) }, `fstatfs(3, buffer[256])`},
	{func(p *Program) { p.Mkdirat(Int(3), "dev", 0o755) }, `mkdirat(3, "dev", 0755)`},
	{func(p *Program) { p.Mknodat(Int(3), "null", unix.S_IFCHR|0o666, unix.Mkdev(1, 3)) },
		`mknodat(3, "null", 020666, 0x103)`},
	{func(p *Program) { p.Symlinkat("pts/ptmx", Int(3), "ptmx") }, `symlinkat("pts/ptmx", 3, "ptmx")`},
	{func(p *Program) { p.Fchmodat(Int(3), ".", NewStat().Mode()) }, `fchmodat(3, ".", buffer[256]+28)`},
	{func(p *Program) { p.Fchown(Int(0), 1000, -1) }, `fchown(0, 1000, -1)`},
	{func(p *Program) { p.Fchownat(Int(3), "tty", 0, 5, unix.AT_SYMLINK_NOFOLLOW) },
		`fchownat(3, "tty", 0, 5, AT_SYMLINK_NOFOLLOW)`},

	{func(p *Program) { p.OpenTree(Int(3), "", unix.OPEN_TREE_CLONE) },
		`open_tree(3, "", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH)`},
	{func(p *Program) { p.OpenTree(CWD, "/srv", unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE) },
		`open_tree(AT_FDCWD, "/srv", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE)`},
	{func(p *Program) { p.MoveMount(Int(3), Int(4), "") },
		`move_mount(3, "", 4, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)`},
	{func(p *Program) { p.MoveMount(Int(3), CWD, "/") }, `move_mount(3, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH)`},
	{func(p *Program) {
		p.MountSetattr(Int(3), unix.AT_RECURSIVE, unix.MountAttr{
			Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID,
			Attr_clr: unix.MOUNT_ATTR__ATIME, Propagation: unix.MS_SLAVE,
		})
	}, `mount_setattr(3, "", AT_EMPTY_PATH|AT_RECURSIVE, ` +
		`{set=MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID, clear=MOUNT_ATTR__ATIME, propagation=MS_SLAVE}, 32)`},
	{func(p *Program) { p.Fsopen("proc") }, `fsopen("proc", FSOPEN_CLOEXEC)`},
	{func(p *Program) { p.Fspick(Int(3)) }, `fspick(3, "", 0x9)`},
	{func(p *Program) { p.FsconfigSetFlag(Int(3), "ro") }, `fsconfig(3, FSCONFIG_SET_FLAG, "ro", NULL, 0)`},
	{func(p *Program) { p.FsconfigSetString(Int(3), "size", "64k") },
		`fsconfig(3, FSCONFIG_SET_STRING, "size", "64k", 0)`},
	{func(p *Program) { p.FsconfigSetFd(Int(3), "pidns", File("ns pid")) },
		`fsconfig(3, FSCONFIG_SET_FD, "pidns", NULL, <ns pid>)`},
	{func(p *Program) { p.FsconfigCreate(Int(3)) }, `fsconfig(3, FSCONFIG_CMD_CREATE, NULL, NULL, 0)`},
	{func(p *Program) { p.FsconfigReconfigure(Int(3)) }, `fsconfig(3, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0)`},
	{func(p *Program) { p.Fsmount(Int(3), unix.MOUNT_ATTR_NODEV) }, `fsmount(3, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV)`},
	{func(p *Program) { p.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, "") },
		`mount(NULL, "/", NULL, MS_REC|MS_SLAVE, NULL)`},
	{func(p *Program) { p.Mount("o", ".", "overlay", 0, "lowerdir=/a") },
		`mount("o", ".", "overlay", 0, "lowerdir=/a")`},
	{func(p *Program) { p.Umount2(".", unix.MNT_DETACH) }, `umount2(".", MNT_DETACH)`},
	{func(p *Program) { p.PivotRoot(".", ".") }, `pivot_root(".", ".")`},

	{func(p *Program) { p.Clone3(CloneArgs{Flags: unix.CLONE_NEWNS}) }, `clone3({flags=CLONE_NEWNS}, 88)`},
	{func(p *Program) { p.Clone(unix.CLONE_PARENT|unix.CLONE_NEWPID, ReportChild()).Into(p.Cell("child")) },
		`clone(CLONE_PARENT|CLONE_PARENT_SETTID|CLONE_NEWPID, 0x0, &report+16, 0x0, 0x0) = $child`},
	{func(p *Program) { p.Execve("/bin/sh", p.Strings([]string{"sh", "-c", `echo "x"`}), p.Strings(nil)) },
		`execve("/bin/sh", ["sh", "-c", "echo \"x\""], [])`},
	{func(p *Program) { p.ExitGroup(1) }, `exit_group(1)`},
	{func(p *Program) { p.Getpid() }, `getpid()`},
	{func(p *Program) { p.PidfdOpen(Value(p.Cell("pid")), 0) }, `pidfd_open($pid, 0)`},
	{func(p *Program) { p.PidfdSendSignal(Int(3), 0) }, `pidfd_send_signal(3, 0, NULL, 0)`},
	{func(p *Program) { p.Setsid() }, `setsid()`},
	{func(p *Program) { p.Setpgid(0, 0) }, `setpgid(0, 0)`},
	{func(p *Program) { p.ResetSignal(13) }, `rt_sigaction(13, <32 bytes>, NULL, 8)`},
	{func(p *Program) { p.UnblockSignals() }, `rt_sigprocmask(2, <00 00 00 00 00 00 00 00>, NULL, 8)`},
	{func(p *Program) { p.Setns(File("init"), unix.CLONE_NEWNS|unix.CLONE_NEWUTS) },
		`setns(<init>, CLONE_NEWNS|CLONE_NEWUTS)`},
	{func(p *Program) { p.Unshare(unix.CLONE_NEWTIME) }, `unshare(CLONE_NEWTIME)`},
	{func(p *Program) { p.Chdir("/") }, `chdir("/")`},
	{func(p *Program) { p.Fchdir(Int(3)) }, `fchdir(3)`},
	{func(p *Program) { p.Chroot(".") }, `chroot(".")`},
	{func(p *Program) { p.Umask(0o22) }, `umask(022)`},
	{func(p *Program) { p.Sethostname("db1") }, `sethostname("db1", 3)`},
	{func(p *Program) { p.Setdomainname("example") }, `setdomainname("example", 7)`},
	{func(p *Program) { p.Prctl(unix.PR_CAPBSET_DROP, 21) }, `prctl(PR_CAPBSET_DROP, 0x15)`},
	{func(p *Program) { p.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) },
		`prctl(PR_CAP_AMBIENT, 0x4, 0x0, 0x0, 0x0)`},
	{func(p *Program) { p.SetName("init") }, `prctl(PR_SET_NAME, "init")`},
	{func(p *Program) { p.Prlimit(unix.RLIMIT_NOFILE, unix.Rlimit{Cur: 1, Max: 258}) },
		`prlimit64(0, 7, <01 00 00 00 00 00 00 00 02 01 00 00 00 00 00 00>, NULL)`},
	{func(p *Program) { p.Personality(8) }, `personality(0x8)`},
	{func(p *Program) { p.SchedSetaffinity([]byte{5}) }, `sched_setaffinity(0, 1, <05>)`},
	{func(p *Program) { p.SchedSetattr(unix.SchedAttr{Policy: 1}) }, `sched_setattr(0, <48 bytes>, 0)`},
	{func(p *Program) { p.IoprioSet(2, 4) }, `ioprio_set(1, 0, 0x4004)`},
	{func(p *Program) { p.SetMempolicy(4, nil) }, `set_mempolicy(0x4, NULL, 0)`},
	{func(p *Program) { p.SetMempolicy(2, []byte{3, 0}) }, `set_mempolicy(0x2, <03 00>, 17)`},
	{func(p *Program) { p.Setresuid(1, 2, 3) }, `setresuid(1, 2, 3)`},
	{func(p *Program) { p.Setresgid(1, 2, 3) }, `setresgid(1, 2, 3)`},
	{func(p *Program) { p.Setgroups([]uint32{1, 258}) }, `setgroups(2, <01 00 00 00 02 01 00 00>)`},
	{func(p *Program) { p.DropGroups() }, `setgroups(0, NULL)`},
	{func(p *Program) { p.Capset(1|2<<32, 3|4<<32, 5|6<<32) },
		`capset(<22 05 08 20 00 00 00 00>, <01 00 00 00 03 00 00 00 05 00 00 00 02 00 00 00 04 00 00 00 06 00 00 00>)`},
	{func(p *Program) { p.SeccompSetFilter(1, make([]byte, 80)) }, `seccomp(1, 0x1, {<80 bytes>})`},
	{func(p *Program) { p.SeccompActionAvail(unix.SECCOMP_RET_KILL_PROCESS) }, `seccomp(2, 0x0, <00 00 00 80>)`},
	{func(p *Program) { p.JoinSessionKeyring("_ses.a") }, `keyctl(1, "_ses.a")`},
	{func(p *Program) { p.JoinSessionKeyring("") }, `keyctl(1, NULL)`},

	{func(p *Program) { p.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0) }, `socket(2, 0x2, 0)`},
	{func(p *Program) { p.Accept4(File("start.sock"), unix.SOCK_CLOEXEC) },
		`accept4(<start.sock>, NULL, NULL, O_CLOEXEC)`},
	{func(p *Program) { p.SetInterfaceFlags(Int(3), "lo", unix.IFF_UP) }, `ioctl(3, 0x8914, <40 bytes>)`},
	{func(p *Program) { p.SendFds(File("launcher"), 'f', p.Cell("tree")) }, `fcntl($tree, 1030, 0) = buffer[24]+16
sendmsg(<launcher>, {{"f"}, buffer[24]}, 0x0)
close(buffer[24]+16)`},
	{func(p *Program) { p.ReceiveFd(File("launcher"), p.Cell("n"), p.Cell("source")) },
		`recvmsg(<launcher>, buffer[56], 0x40000000) = $n  ; EINTR: again, 1000 times
expect $n == 0x1, else fail with ECANCELED
expect buffer[24]+0 == 0x14, else fail with ECANCELED
fcntl(buffer[24]+16, 1030, 0) = $source
close(buffer[24]+16)`},
	{func(p *Program) { p.AwaitTaken() },
		`look 1073741824 times until report+40 & 0xffffffff == 0x3, else fail with ETIMEDOUT`},
	{func(p *Program) { p.AwaitTurn(2) },
		`futex(&report+40, 0, 1, <00 00 00 00 00 00 00 00 80 96 98 00 00 00 00 00>)  ; ` +
			`ETIMEDOUT: again, 1000 times, EAGAIN: go on, EINTR: go on
expect report+40 & 0xffffffff == 0x2, else fail with EAGAIN`},
	{func(p *Program) { p.ExecuteAgain() }, "getpid() = report+48\n" +
		`execveat(AT_FDCWD, "/proc/self/exe", ["rung:[init]"], [], 0)`},
	{func(p *Program) { p.MapReport("report page") }, `mmap(0x410000, 0x1000, 0x3, 0x11, <report page>, 0)`},
	{func(p *Program) { p.Park() }, "go to 1\nmadvise(0x420000, all before this, 4)"},
}

func TestVerbs(t *testing.T) {
	printed := map[uintptr]bool{unix.SYS_CLOCK_GETTIME: true} // see Program.Time
	for _, c := range verbs {
		p := New()
		c.add(p)
		got := ""
		for i := range p.Steps {
			got += "\n" + p.StepString(i)
			printed[p.Steps[i].Nr] = true
		}
		if got != "\n"+c.want {
			t.Errorf("got  %s\nwant %s", got[1:], c.want)
		}
	}
	for nr, s := range syscalls {
		if s.name != "" && !printed[uintptr(nr)] {
			t.Errorf("%s has no verb", s.name)
		}
	}
}
