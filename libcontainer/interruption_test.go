package libcontainer

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
	p.MapReport(fileReport)
	p.Call(unix.SYS_NANOSLEEP, nsenter.Words(60, 0), nsenter.Int(0))
	p.MarkReached()
	p.Call(unix.SYS_EXIT_GROUP, nsenter.Int(0))
	e, err := (&Runtime{}).launchEntrant(p, self, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer e.release()
	e.interrupt = &interruption{}
	if err := e.interrupt.catch(); err != nil {
		t.Fatal(err)
	}
	pid := e.pid
	begin := time.Now()
	time.AfterFunc(50*time.Millisecond, func() { unix.Kill(os.Getpid(), unix.SIGTERM) })
	_, err = e.enter(nil)
	interrupted := new(InterruptedError)
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

func TestInterruptionThatNeverComes(t *testing.T) {
	cause := errors.New("cause")
	for _, i := range []*interruption{nil, {}} {
		if i.descriptor() != -1 || i.wait(-1) != nil || i.err(nil) != nil || i.err(cause) != cause {
			t.Errorf("%v: it came", i)
		}
	}
}
