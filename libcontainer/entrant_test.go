package libcontainer

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/interrupt"
	"github.com/rung-oci/rung/nsenter"
)

// A process on its way into a container that does not get there ends with the
// interruption.
func TestEntrantInterrupted(t *testing.T) {
	self, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(self)
	p := nsenter.New()
	p.Label("waiting for nothing")
	p.MapReport(birth.FileReport)
	minute := nsenter.Bytes([]byte{0: 60, 15: 0}) // struct timespec
	p.Steps = append(p.Steps, nsenter.Step{Nr: unix.SYS_NANOSLEEP, Args: []nsenter.Arg{minute, nsenter.Int(0)}})
	p.MarkReached()
	p.ExitGroup(0)
	e, err := (&Runtime{}).launchEntrant(p, self, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer e.release()
	e.interrupt = &interrupt.Interruption{}
	if err := e.interrupt.Catch(); err != nil {
		t.Fatal(err)
	}
	pid := e.pid
	begin := time.Now()
	time.AfterFunc(50*time.Millisecond, func() { unix.Kill(os.Getpid(), unix.SIGTERM) })
	_, err = e.enter(nil)
	interrupted := new(interrupt.Error)
	if !errors.As(err, &interrupted) || interrupted.Signal != unix.SIGTERM {
		t.Errorf("got %v, want an interruption by SIGTERM", err)
	}
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
	if err := unix.Kill(pid, 0); err != unix.ESRCH {
		t.Errorf("the process is there: %v", err)
	}
}

// A report that names another process than the cloned one is not believed: not a
// process that is none of this one's, here itself, nor the launched one.
func TestEntrantReportsAnother(t *testing.T) {
	for _, another := range []uintptr{unix.SYS_GETPPID, unix.SYS_GETPID} {
		e := launchLiar(t, another)
		pid, err := e.enter(nil)
		if err == nil || !strings.Contains(err.Error(), "has not cloned") {
			t.Errorf("system call %d: process %d, %v", another, pid, err)
		}
	}
}

// So it is with the first process of a container, which may be created in another's
// pid namespace.
func TestFirstProcessReportsAnother(t *testing.T) {
	for _, another := range []uintptr{unix.SYS_GETPPID, unix.SYS_GETPID} {
		e := launchLiar(t, another)
		if err := e.converse(nil); err != nil { // until it has ended
			t.Fatal(err)
		}
		c := &creation{report: e.report, child: &nsenter.Child{Pid: e.pid, Pidfd: -1}, pidfd: -1}
		if err := c.firstProcess(); err == nil || !strings.Contains(err.Error(), "has not cloned") {
			t.Errorf("system call %d: process %d, %v", another, c.pid, err)
		}
		if c.child.Pid != e.pid {
			t.Errorf("system call %d: the launched process was given up", another)
		}
		reap(e.pid)
	}
}

// launchLiar launches a program that reports as the cloned process what a system call
// returns, and ends.
func launchLiar(t *testing.T, another uintptr) *entrant {
	t.Helper()
	self, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(self) })
	p := nsenter.New()
	p.Label("lying")
	p.MapReport(birth.FileReport)
	p.MarkReached()
	p.Steps = append(p.Steps, nsenter.Step{Nr: another, Result: nsenter.ReportChild()})
	p.ExitGroup(0)
	e, err := (&Runtime{}).launchEntrant(p, self, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.release)
	return e
}
