package birth

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// CRIUInput is all that the program of a process depends on that becomes CRIU.
type CRIUInput struct {
	Path        string   // of CRIU's executable
	Env         []string // of the caller
	Socket      int      // the descriptor of [FileSync], by which CRIU knows it
	Kept        []int    // descriptors that CRIU inherits, see [KeptFile]
	CgroupFiles []string // hierarchies to join, in order

	// Outlives: CRIU goes on whatever becomes of the launcher, and a terminal's
	// signals are not for it.
	Outlives bool
}

// KeptFile is the name of a descriptor that CRIU inherits.
func KeptFile(fd int) string { return "kept " + strconv.Itoa(fd) }

// CompileCRIU makes the program of a process that becomes CRIU. It ends with the
// thread that starts it, unless it is to outlive that; what it restores is then
// found by the container's cgroup, which it is in itself.
func CompileCRIU(in *CRIUInput) *nsenter.Program {
	p := nsenter.New()
	p.Label("preparing criu")
	p.MapReport(FileReport)
	if in.Outlives {
		p.Call(unix.SYS_SETPGID, nsenter.Int(0), nsenter.Int(0))
	} else {
		p.Call(unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_PDEATHSIG), nsenter.Int(unix.SIGKILL))
	}
	unblockSignals(p)
	p.Label("moving criu to the container's cgroup")
	for _, name := range in.CgroupFiles {
		p.Call(unix.SYS_WRITE, nsenter.File(FileCgroup+name), p.String("0"), nsenter.Int(1))
	}
	p.Label("leaving criu its descriptors")
	p.Call(unix.SYS_CLOSE_RANGE, nsenter.Int(3), nsenter.Int(uint64(^uint32(0))), nsenter.Int(unix.CLOSE_RANGE_CLOEXEC))
	p.Call(unix.SYS_FCNTL, nsenter.File(FileSync), nsenter.Int(unix.F_SETFD), nsenter.Int(0))
	for _, fd := range in.Kept {
		p.Call(unix.SYS_FCNTL, nsenter.File(KeptFile(fd)), nsenter.Int(unix.F_SETFD), nsenter.Int(0))
	}
	p.Label("executing " + in.Path)
	p.Call(unix.SYS_EXECVE, p.String(in.Path), p.Strings([]string{in.Path, "swrk", strconv.Itoa(in.Socket)}), p.Strings(in.Env))
	return p
}
