package launch

import (
	"cmp"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/nsenter"
)

// An EndError is about a process that has ended before its time, without a report of a step
// that failed: it was killed, or gave up before it had its report page.
type EndError struct {
	Step   string // the label of the step that it had come to
	Name   string // of the process
	Status unix.WaitStatus
}

func (e *EndError) Error() string {
	if e.Status.Signaled() {
		return fmt.Sprintf("%s: %s was ended by %v", e.Step, e.Name, e.Status.Signal())
	}
	return fmt.Sprintf("%s: %s ended with status %d", e.Step, e.Name, e.Status.ExitStatus())
}

// Execute follows a program to its execve. It has to mark where nothing is left but that:
// [nsenter.Program.MarkReached]. After an error no process is left; without one nothing of
// the conversation and of the report is, as the process may go on for long.
func (p *Process) Execute() error {
	err := p.Converse(End)
	if err == nil && !p.found { // it may wait for the execve of its child, which has no end of the conversation
		err = p.wait(p.Pidfd.Int())
	}
	if err == nil {
		report := p.report()
		if err = p.Program.Failure(report); err == nil {
			err = p.find(report)
		}
		if err == nil && report.Reached && p.found {
			p.HangUp()
			p.Report.Close()
			return nil
		}
	}
	status := p.Kill()
	if p.Agent != nil && err != nil { // a process that has failed may have to ask the agent before it can end
		err = cmp.Or(p.Failure(), err)
	}
	if err == nil {
		err = p.ended(status)
	}
	return err
}

// Failure is the error of the step of which the program has reported that it failed, a
// [nsenter.StepError], or nil.
func (p *Process) Failure() error { return p.Program.Failure(p.report()) }

// Wait waits for the end of the process, and reaps it.
func (p *Process) Wait() unix.WaitStatus {
	if !p.found {
		_ = p.find(p.report()) // if that is not to be believed, the launched one has ended
	}
	return p.reap()
}

// Kill ends the process, and reaps it. The launched one goes first, since it clones no more
// then.
func (p *Process) Kill() (status unix.WaitStatus) {
	p.HangUp()
	if !p.found {
		status = p.kill()
		_ = p.find(p.report()) // what is not believed is not killed
	}
	if p.Pid > 0 {
		status = p.kill()
	}
	return status
}

func (p *Process) kill() unix.WaitStatus {
	if p.Pid == 0 {
		return 0
	}
	unix.Kill(p.Pid, unix.SIGKILL) // a child that was not waited for keeps its pid
	return p.reap()
}

// over is the error of a process that is over before its time.
func (p *Process) over() error {
	report := p.report()
	if failed := p.Program.Failure(report); failed != nil {
		return failed
	}
	if err := p.find(report); err != nil {
		return err
	}
	return p.ended(p.reap())
}

func (p *Process) ended(status unix.WaitStatus) error {
	return &EndError{p.Program.LabelAt(p.report().Step), p.Name, status}
}

func (p *Process) reap() unix.WaitStatus {
	status, _ := kernel.Wait(p.Pid)
	p.Pid = 0
	p.Pidfd.Close()
	return status
}

func (p *Process) report() nsenter.Report { return nsenter.ReadReport(p.Report.Int()) }

// find finds the process that the program cloned, if it did, and lets that take the place
// of the launched one, which ends.
func (p *Process) find(report nsenter.Report) error {
	if p.found || report.Child == 0 {
		return nil
	}
	if err := p.believe(report.Child); err != nil {
		return err
	}
	pidfd, err := unix.PidfdOpen(report.Child, 0)
	if err != nil {
		return fmt.Errorf("pidfd_open of %s: %w", p.Name, err)
	}
	if p.Pid > 0 {
		p.reap()
	}
	p.Pid, p.Pidfd, p.found = report.Child, kernel.Own(pidfd), true
	if p.Found != nil {
		return p.Found()
	}
	return nil
}

// believe makes sure that a pid in the report is of a process that the program may have cloned:
// the report may be of a process that traces the one on its way. A child that was not waited for
// keeps its pid.
func (p *Process) believe(pid int) error {
	if pid == p.Pid || !isChild(pid) {
		return fmt.Errorf("the report of the process names process %d, which it has not cloned: "+
			"a process of the container has changed it", pid)
	}
	return nil
}

// isChild reports whether a process is a child of this one that was not waited for.
func isChild(pid int) bool {
	return unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) == nil
}
