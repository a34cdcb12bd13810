package interrupt

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestNeverComes(t *testing.T) {
	cause := errors.New("cause")
	for _, i := range []*Interruption{nil, {}} {
		if i.Fd() != -1 || i.wait(-1) != nil || i.Err(nil) != nil || i.Err(cause) != cause {
			t.Errorf("%v: it came", i)
		}
	}
}

// What is waited for comes before an interruption that came as well, and the signal that
// interrupts is still there for whom it is passed on to.
func TestInterrupted(t *testing.T) {
	var i Interruption
	if err := i.Catch(); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	time.AfterFunc(10*time.Millisecond, func() { unix.Kill(os.Getpid(), unix.SIGTERM) })
	interrupted := new(Error)
	if err := i.wait(int(r.Fd())); !errors.As(err, &interrupted) || interrupted.Signal != unix.SIGTERM {
		t.Fatalf("got %v, want an interruption by SIGTERM", err)
	}
	w.Close() // which can be read, as an end
	if err := i.wait(int(r.Fd())); err != nil {
		t.Errorf("what is waited for is there: %v", err)
	}
	cause := errors.New("cause")
	if err := i.Err(cause); !errors.Is(err, cause) || err.Error() != "interrupted by SIGTERM: cause" {
		t.Errorf("%v", err)
	}
	if err := i.Err(interrupted); err != error(interrupted) {
		t.Errorf("interrupted twice: %v", err)
	}
	if s := i.Take(); s != unix.SIGTERM || i.Err(nil) != nil {
		t.Errorf("took %v, and then: %v", s, i.Err(nil))
	}
}
