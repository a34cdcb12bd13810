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
	CgroupMove  string   // see [Host]

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
		p.Setpgid(0, 0)
	} else {
		p.Prctl(unix.PR_SET_PDEATHSIG, int(unix.SIGKILL))
	}
	p.UnblockSignals()
	p.Label("moving criu to the container's cgroup")
	joinCgroups(p, in.CgroupFiles, in.CgroupMove, func(string) {})
	p.Label("leaving criu its descriptors")
	p.CloseRange(3, ^uint32(0), unix.CLOSE_RANGE_CLOEXEC)
	p.Fcntl(nsenter.File(FileSync), unix.F_SETFD, 0)
	for _, fd := range in.Kept {
		p.Fcntl(nsenter.File(KeptFile(fd)), unix.F_SETFD, 0)
	}
	p.Label("executing " + in.Path)
	p.Execve(in.Path, p.Strings([]string{in.Path, "swrk", strconv.Itoa(in.Socket)}), p.Strings(in.Env))
	return p
}
