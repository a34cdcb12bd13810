package libcontainer

import (
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/interrupt"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// joining is how a process enters the namespaces of a container.
type joining struct {
	init       int // pidfd of the container's first process
	pid        int
	namespaces uint64                 // CLONE_NEW* flags of those that are not this process's own
	users      []specs.LinuxIDMapping // of the user namespace among them, as this process sees them
}

// joining compares the first process's namespaces with this process's: setns
// by pidfd fails as a whole for one that is the caller's already.
func (c *container) joining(init int) (joining, error) {
	j := joining{init: init, pid: c.record.Init.Pid}
	if j.pid == 0 {
		var err error
		if j.pid, err = pidOf(init); err != nil {
			return j, err
		}
	}
	own, err := openNamespaceDir("self")
	if err != nil {
		return j, err
	}
	defer unix.Close(own)
	its, err := openNamespaceDir(strconv.Itoa(j.pid))
	if err != nil {
		return j, err
	}
	defer unix.Close(its)
	for _, ns := range spec.Namespaces() {
		var a, b [64]byte
		n, err := unix.Readlinkat(own, ns.File, a[:])
		if err == unix.ENOENT { // the kernel was built without it
			continue
		}
		if err != nil {
			return j, fmt.Errorf("namespace %s of this process: %w", ns.File, err)
		}
		m, err := unix.Readlinkat(its, ns.File, b[:])
		if err != nil {
			return j, fmt.Errorf("namespace %s of the container: %w", ns.File, err)
		}
		if string(a[:n]) != string(b[:m]) {
			j.namespaces |= ns.Flag
		}
	}
	if j.namespaces&unix.CLONE_NEWUSER != 0 {
		if j.users, err = readMap(j.pid, "uid_map"); err != nil {
			return j, fmt.Errorf("user namespace of the container: %w", err)
		}
	}
	// As long as it lives the pid was its: those of another process would let ours
	// stay outside.
	if process.EndsWithin(init, 0) {
		return j, fmt.Errorf("namespaces of the container: %w", errInitEnded)
	}
	return j, nil
}

func openNamespaceDir(process string) (int, error) {
	path := "/proc/" + process + "/ns"
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: %w", path, err)
	}
	return fd, nil
}

// pidOf is the pid behind a pidfd.
func pidOf(pidfd int) (int, error) {
	var pid int
	text, err := readAll(fmt.Sprintf("/proc/self/fdinfo/%d", pidfd))
	if err != nil {
		return 0, err
	}
	for line := range lines(text) {
		if n, _ := fmt.Sscanf(line, "Pid: %d", &pid); n == 1 && pid > 0 {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("the first process is gone: %w", unix.ESRCH)
}

// An entrant is a process on its way into a container: from the launch of its
// program, which marks where nothing is left but the execve, to that. It is a
// child of this process.
type entrant struct {
	program *nsenter.Program
	init    int // pidfd of the container's first process
	report  int
	socket  int // this end of the conversation
	pid     int // of the launched process, 0 when it was reaped

	interrupt *interrupt.Interruption // nil: never
}

// launchEntrant starts a program that joins the container of init. files are its
// descriptors besides those that every such program has.
func (r *Runtime) launchEntrant(p *nsenter.Program, init int, files map[string]int, cgroup int) (*entrant, error) {
	e := &entrant{program: p, init: init, report: -1, socket: -1}
	var err error
	if e.report, err = newReport(); err != nil {
		return nil, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		e.release()
		return nil, fmt.Errorf("socketpair for a process of the container: %w", err)
	}
	e.socket = pair[0]
	all := map[string]int{birth.FileReport: e.report, birth.FileSync: pair[1], birth.FileInit: init}
	maps.Copy(all, files)
	child, err := r.launchProgram(p, all, cgroup)
	unix.Close(pair[1])
	if err != nil {
		e.release()
		return nil, err
	}
	unix.Close(child.Pidfd)
	e.pid = child.Pid
	return e, nil
}

// enter follows the program to its execve, and returns the pid of the process
// that made it, which is a child of this one. serve does what the program asks
// for with a tag. It does not wait longer than the container's first process
// lives. After an error no process is left.
func (e *entrant) enter(serve func(tag byte, fds []kernel.Fd) error) (int, error) {
	waitErr := e.converse(serve)
	var status unix.WaitStatus
	if waitErr != nil { // and then it clones no more
		unix.Kill(e.pid, unix.SIGKILL) // a child that was not waited for keeps its pid
		status = reap(e.pid)
		e.pid = 0
	}
	told, err := readReport(e.report)
	if err != nil {
		return 0, errors.Join(waitErr, err)
	}
	if told.Child > 0 && (told.Child == e.pid || !isChild(told.Child)) {
		waitErr = errors.Join(notChildError(told.Child), waitErr)
		told.Child = 0
	}
	pid := e.pid
	if told.Child > 0 {
		pid = told.Child
		if e.pid > 0 {
			reap(e.pid)
		}
	}
	failed := e.program.Failure(told)
	if waitErr == nil && failed == nil && told.Reached {
		return pid, nil
	}
	if pid > 0 {
		unix.Kill(pid, unix.SIGKILL)
		status = reap(pid)
	}
	switch {
	case failed != nil:
		err = hinted(failed)
	case waitErr != nil:
		err = waitErr
	default:
		err = fmt.Errorf("%s: the process was ended by %v", e.program.LabelAt(told.Step), status.Signal())
		if !status.Signaled() {
			err = fmt.Errorf("%s: the process ended with status %d", e.program.LabelAt(told.Step), status.ExitStatus())
		}
	}
	if e.alone() && !errors.Is(err, errInitEnded) {
		err = errors.Join(errInitEnded, err)
	}
	return 0, err
}

// isChild tells whether a pid, which a report gives, is that of a child of this
// process. It is the child's until that was waited for.
func isChild(pid int) bool {
	return unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) == nil
}

// notChildError is about a process that may trace the one on its way, and has written
// into its report.
func notChildError(pid int) error {
	return fmt.Errorf("the report of the process names process %d, which it has not cloned: a process of the container has changed it", pid)
}

var errInitEnded = errors.New("the container's first process has ended")

// alone tells that the first process has ended.
func (e *entrant) alone() bool { return process.EndsWithin(e.init, 0) }

// converse does what the program asks for until its execve, or its end, closes
// the other end of the socket.
func (e *entrant) converse(serve func(tag byte, fds []kernel.Fd) error) error {
	for {
		poll := []unix.PollFd{kernel.Readable(e.socket), kernel.Readable(e.init), kernel.Readable(e.interrupt.Fd())}
		_, err := kernel.Poll(poll, -1)
		switch {
		case err != nil:
			return fmt.Errorf("waiting for a process to be executed: %w", err)
		case poll[0].Revents != 0: // of the moment that all is over, too
		case poll[1].Revents != 0:
			return errInitEnded
		default:
			return e.interrupt.Err(nil)
		}
		tag, fds, err := receiveTag(e.socket)
		if tag == 0 {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("the process sent %q with %d descriptors", tag, len(fds))
			if serve != nil {
				err = serve(tag, fds)
			}
		}
		kernel.CloseAll(fds)
		if err != nil {
			return err
		}
		if err := sendAnswer(e.socket); err != nil {
			return nil // it is over, and the report says why
		}
	}
}

// release gives back what this process has of the entrant.
func (e *entrant) release() { closeAll(e.report, e.socket) }

// newReport makes a report page that nobody else needs to find.
func newReport() (int, error) {
	report, err := unix.MemfdCreate("report", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("report page: %w", err)
	}
	if err := unix.Ftruncate(report, nsenter.ReportSize); err != nil {
		unix.Close(report)
		return -1, fmt.Errorf("report page: %w", err)
	}
	return report, nil
}

// readReport reads a report page from its file.
func readReport(fd int) (nsenter.Report, error) {
	var page [nsenter.ReportUsed]byte
	if _, err := unix.Pread(fd, page[:], 0); err != nil {
		return nsenter.Report{}, fmt.Errorf("reading the report page: %w", err)
	}
	return nsenter.ParseReport(page[:]), nil
}
