package kernel

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestRestart(t *testing.T) {
	for _, want := range []error{nil, unix.EAGAIN} {
		calls := 0
		err := Restart(func() error {
			if calls++; calls < 3 {
				return unix.EINTR
			}
			return want
		})
		if err != want || calls != 3 {
			t.Errorf("error %v after %d calls, want %v after 3", err, calls, want)
		}
	}
}

func TestPoll(t *testing.T) {
	r, w := pipe(t)
	list := []unix.PollFd{Readable(-1), Readable(r.Int())}
	begun := time.Now()
	n, err := Poll(list, 20*time.Millisecond)
	if n != 0 || err != nil {
		t.Errorf("nothing to read: %d, %v", n, err)
	}
	if waited := time.Since(begun); waited < 20*time.Millisecond {
		t.Errorf("waited for %v only", waited)
	}
	if n, err := Poll(list, 0); n != 0 || err != nil {
		t.Errorf("without waiting: %d, %v", n, err)
	}
	w.Close()
	if n, err := Poll(list, -1); n != 1 || err != nil || list[1].Revents == 0 {
		t.Errorf("the pipe has ended: %d, %v, %+v", n, err, list)
	}
}
