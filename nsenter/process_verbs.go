package nsenter

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Clone3 clones the process (clone3(2)).
func (p *Program) Clone3(args CloneArgs) Call {
	d := layout(args)
	return p.call(unix.SYS_CLONE3, Address(d.At(0)), Int(len(d.Bytes)))
}

// Clone clones the process, and gives the child the memory as it is (no CLONE_VM);
// parentTid is where the pid goes, seen from the caller's namespace. Seccomp filters can
// judge the flags of clone(2); clone3(2), into whose arguments they cannot look, many refuse.
func (p *Program) Clone(flags uint64, parentTid Ref) Call {
	if flags&unix.CLONE_PARENT == 0 { // or the child inherits the exit signal
		flags |= uint64(unix.SIGCHLD)
	}
	// behind parentTid the order differs between architectures, and both are of flags not used
	return p.call(unix.SYS_CLONE, Int(flags|unix.CLONE_PARENT_SETTID), Int(0), Address(parentTid), Int(0), Int(0))
}

// Execve becomes another program. argv and env are [Program.Strings].
func (p *Program) Execve(path string, argv, env Arg) Call {
	return p.call(unix.SYS_EXECVE, p.String(path), argv, env)
}

// Execveat becomes another program, whose path starts at dir.
func (p *Program) Execveat(dir Arg, path string, argv, env Arg, flags int) Call {
	return p.call(unix.SYS_EXECVEAT, dir, p.String(path), argv, env, Int(flags))
}

// ExitGroup ends the process.
func (p *Program) ExitGroup(status int) Call { return p.call(unix.SYS_EXIT_GROUP, Int(status)) }

// Getpid gives the process's own pid, in its namespace.
func (p *Program) Getpid() Call { return p.call(unix.SYS_GETPID) }

// PidfdOpen gives a descriptor of a process.
func (p *Program) PidfdOpen(pid Arg, flags int) Call {
	return p.call(unix.SYS_PIDFD_OPEN, pid, Int(flags))
}

// PidfdSendSignal sends a signal; number 0 only asks whether it could be sent.
func (p *Program) PidfdSendSignal(pidfd Arg, signal int) Call {
	return p.call(unix.SYS_PIDFD_SEND_SIGNAL, pidfd, Int(signal), Int(0), Int(0))
}

// Setsid makes the process the leader of a session of its own.
func (p *Program) Setsid() Call { return p.call(unix.SYS_SETSID) }

// Setpgid puts the process into a process group; 0 and 0 stand for one of its own.
func (p *Program) Setpgid(pid, pgid int) Call { return p.call(unix.SYS_SETPGID, Int(pid), Int(pgid)) }

// ResetSignal gives a signal its default action.
func (p *Program) ResetSignal(signal int) Call {
	return p.call(unix.SYS_RT_SIGACTION, Int(signal), constant(sigaction{}), Int(0), Int(sizeofSigset))
}

// UnblockSignals blocks no signal any more.
func (p *Program) UnblockSignals() Call {
	none := Bytes(make([]byte, sizeofSigset))
	return p.call(unix.SYS_RT_SIGPROCMASK, Int(unix.SIG_SETMASK), none, Int(0), Int(sizeofSigset))
}

// Setns joins namespaces: the one that fd is of, or those in flags (CLONE_NEW*) of the
// process that it is a pidfd of.
func (p *Program) Setns(fd Arg, flags uint64) Call { return p.call(unix.SYS_SETNS, fd, Int(flags)) }

// Unshare makes namespaces, CLONE_NEW*.
func (p *Program) Unshare(flags uint64) Call { return p.call(unix.SYS_UNSHARE, Int(flags)) }

// Chdir enters a directory.
func (p *Program) Chdir(path string) Call { return p.call(unix.SYS_CHDIR, p.String(path)) }

// Fchdir enters a directory.
func (p *Program) Fchdir(dir Arg) Call { return p.call(unix.SYS_FCHDIR, dir) }

// Chroot makes a directory the root of the process.
func (p *Program) Chroot(path string) Call { return p.call(unix.SYS_CHROOT, p.String(path)) }

// Umask sets the permissions that the process's files do not get.
func (p *Program) Umask(mask uint32) Call { return p.call(unix.SYS_UMASK, Int(mask)) }

// Sethostname sets the name of the UTS namespace.
func (p *Program) Sethostname(name string) Call {
	return p.call(unix.SYS_SETHOSTNAME, p.String(name), Int(len(name)))
}

// Setdomainname sets the NIS domain of the UTS namespace.
func (p *Program) Setdomainname(name string) Call {
	return p.call(unix.SYS_SETDOMAINNAME, p.String(name), Int(len(name)))
}

// Prctl is prctl(2) with numbers as arguments: with as many of them as the option
// wants to be there.
func (p *Program) Prctl(option int, args ...int) Call {
	list := append(make([]Arg, 0, 5), Int(option))
	for _, a := range args {
		list = append(list, Int(a))
	}
	return p.call(unix.SYS_PRCTL, list...)
}

// SetName is what the process is called (PR_SET_NAME): 15 bytes of it.
func (p *Program) SetName(name string) Call {
	return p.call(unix.SYS_PRCTL, Int(unix.PR_SET_NAME), p.String(name))
}

// Prlimit sets a limit of the process, RLIMIT_*.
func (p *Program) Prlimit(resource int, limit unix.Rlimit) Call {
	return p.call(unix.SYS_PRLIMIT64, Int(0), Int(resource), constant(limit), Int(0))
}

// Personality sets the execution domain.
func (p *Program) Personality(domain int) Call { return p.call(unix.SYS_PERSONALITY, Int(domain)) }

// SchedSetaffinity sets the CPUs that the process may run on, a bit for each.
func (p *Program) SchedSetaffinity(cpus []byte) Call {
	return p.call(unix.SYS_SCHED_SETAFFINITY, Int(0), Int(len(cpus)), Bytes(cpus))
}

// SchedSetattr sets the scheduling policy. Its size is set here, and utilization
// clamps are not passed.
func (p *Program) SchedSetattr(attr unix.SchedAttr) Call {
	attr.Size = sizeofSched
	d := layout(attr)
	d.Bytes = d.Bytes[:sizeofSched]
	return p.call(unix.SYS_SCHED_SETATTR, Int(0), Address(d.At(0)), Int(0))
}

// IoprioSet sets the I/O priority of the process (ioprio_set(2)).
func (p *Program) IoprioSet(class, priority int) Call {
	const whoProcess, classShift = 1, 13 // include/uapi/linux/ioprio.h
	return p.call(unix.SYS_IOPRIO_SET, Int(whoProcess), Int(0), Int(class<<classShift|priority))
}

// SetMempolicy sets the NUMA policy; nodes have a bit each, there may be none.
func (p *Program) SetMempolicy(mode int, nodes []byte) Call {
	if len(nodes) == 0 {
		return p.call(unix.SYS_SET_MEMPOLICY, Int(mode), Int(0), Int(0))
	}
	return p.call(unix.SYS_SET_MEMPOLICY, Int(mode), Bytes(nodes), Int(8*len(nodes)+1)) // it takes one bit less
}

// Setresuid takes on user ids: the real, the effective and the saved one.
func (p *Program) Setresuid(real, effective, saved uint32) Call {
	return p.call(unix.SYS_SETRESUID, Int(real), Int(effective), Int(saved))
}

// Setresgid takes on group ids: the real, the effective and the saved one.
func (p *Program) Setresgid(real, effective, saved uint32) Call {
	return p.call(unix.SYS_SETRESGID, Int(real), Int(effective), Int(saved))
}

// Setgroups takes on supplementary groups.
func (p *Program) Setgroups(gids []uint32) Call {
	b := make([]byte, 0, 4*len(gids))
	for _, gid := range gids {
		b = binary.NativeEndian.AppendUint32(b, gid)
	}
	return p.call(unix.SYS_SETGROUPS, Int(len(gids)), Bytes(b))
}

// DropGroups gives up all supplementary groups.
func (p *Program) DropGroups() Call { return p.call(unix.SYS_SETGROUPS, Int(0), Int(0)) }

// Capset sets the process's capabilities, a bit for each.
func (p *Program) Capset(effective, permitted, inheritable uint64) Call {
	var sets [2]unix.CapUserData // the lower halves first
	for i := range sets {
		shift := 32 * i
		sets[i] = unix.CapUserData{Effective: uint32(effective >> shift), Permitted: uint32(permitted >> shift),
			Inheritable: uint32(inheritable >> shift)}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	return p.call(unix.SYS_CAPSET, constant(header), constant(sets))
}

// SeccompSetFilter loads a filter; code is instructions of classic BPF.
func (p *Program) SeccompSetFilter(flags uint64, code []byte) Call {
	d := layout(unix.SockFprog{Len: uint16(len(code) / unix.SizeofSockFilter)})
	d.Pointers = []Pointer{{int(unsafe.Offsetof(unix.SockFprog{}.Filter)), (&Data{Bytes: code}).At(0)}}
	return p.call(unix.SYS_SECCOMP, Int(unix.SECCOMP_SET_MODE_FILTER), Int(flags), Address(d.At(0)))
}

// SeccompActionAvail fails with EOPNOTSUPP if the kernel has no such SECCOMP_RET_*.
func (p *Program) SeccompActionAvail(action uint32) Call {
	return p.call(unix.SYS_SECCOMP, Int(unix.SECCOMP_GET_ACTION_AVAIL), Int(0), constant(action))
}

// JoinSessionKeyring joins the session keyring of this name, made if it is not there;
// without a name, a new one.
func (p *Program) JoinSessionKeyring(name string) Call {
	return p.call(unix.SYS_KEYCTL, Int(unix.KEYCTL_JOIN_SESSION_KEYRING), p.stringOrNull(name))
}
