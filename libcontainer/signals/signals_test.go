package signals

import (
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The emulator of the arm64 tests keeps signals for itself.
var emulated = os.Getenv("RUNG_TEST_EXEC") != ""

func newQueue(t *testing.T, list ...unix.Signal) *Queue {
	t.Helper()
	q, err := NewQueue()
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Catch(list...); err != nil {
		t.Fatal(err)
	}
	return q
}

func send(t *testing.T, s unix.Signal) {
	t.Helper()
	if err := unix.Kill(os.Getpid(), s); err != nil {
		t.Fatal(err)
	}
}

// take waits for a signal.
func take(t *testing.T, q *Queue) unix.Signal {
	t.Helper()
	if !readable(t, q, 10*time.Second) {
		t.Fatal("no signal comes")
	}
	return q.Take()
}

func readable(t *testing.T, q *Queue, timeout time.Duration) bool {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(q.Fd()), Events: unix.POLLIN}}, int(timeout/time.Millisecond))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return n == 1
	}
}

func (q *Queue) drop() {
	unix.Close(q.out)
	unix.Close(q.in)
}

func TestAllSignals(t *testing.T) {
	var list []unix.Signal
	for s := unix.Signal(1); s <= Max; s++ {
		switch s {
		case unix.SIGKILL, unix.SIGSTOP, unix.SIGURG, 32, 33: // these are nobody's, or the runtime's
			continue
		}
		if emulated && s >= 63 {
			continue
		}
		list = append(list, s)
	}
	q := newQueue(t, list...)
	for _, s := range list {
		send(t, s)
		if got := take(t, q); got != s {
			t.Errorf("%v: the queue has %v", s, got)
		}
	}
}

func TestPeek(t *testing.T) {
	q := newQueue(t, unix.SIGUSR1, unix.SIGUSR2)
	if got := q.Peek(); got != 0 {
		t.Errorf("an empty queue has %v", got)
	}
	if readable(t, q, 0) {
		t.Error("an empty queue can be read")
	}
	send(t, unix.SIGUSR1)
	if !readable(t, q, 10*time.Second) {
		t.Error("a queue with a signal cannot be read")
	}
	send(t, unix.SIGUSR2)
	for range 2 {
		if got := q.Peek(); got != unix.SIGUSR1 {
			t.Errorf("first is %v", got)
		}
	}
	for _, want := range []unix.Signal{unix.SIGUSR1, unix.SIGUSR2} {
		if got := take(t, q); got != want {
			t.Errorf("took %v, want %v", got, want)
		}
	}
	if got := q.Take(); got != 0 {
		t.Errorf("%v is left", got)
	}
}

// Each queue has its own signals, the last one that asked for it.
func TestTwoQueues(t *testing.T) {
	a, b := newQueue(t, unix.SIGUSR1, unix.SIGHUP), newQueue(t, unix.SIGUSR2, unix.SIGHUP)
	for _, test := range []struct {
		s  unix.Signal
		to *Queue
	}{{unix.SIGUSR1, a}, {unix.SIGUSR2, b}, {unix.SIGHUP, b}} {
		send(t, test.s)
		if got := take(t, test.to); got != test.s {
			t.Errorf("%v: the queue has %v", test.s, got)
		}
	}
	if a, b := a.Take(), b.Take(); a != 0 || b != 0 {
		t.Errorf("left are %v and %v", a, b)
	}
}

// What this process does wrong itself is the Go runtime's as before.
func TestFault(t *testing.T) {
	q := newQueue(t, unix.SIGSEGV)
	for range 3 {
		var p *int
		func() {
			defer func() {
				if _, ok := recover().(runtime.Error); !ok {
					t.Error("no panic")
				}
			}()
			*p = 1
		}()
		if got := q.Take(); got != 0 {
			t.Errorf("the queue has %v", got)
		}
		send(t, unix.SIGSEGV)
		if got := take(t, q); got != unix.SIGSEGV {
			t.Errorf("the queue has %v", got)
		}
	}
}

// Signals hit whatever thread there is, on whatever stack it has.
func TestBusyThreads(t *testing.T) {
	q := newQueue(t, unix.SIGUSR1)
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for range 8 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = deep(200)
				}
			}
		})
	}
	for range 2000 {
		send(t, unix.SIGUSR1)
		if got := take(t, q); got != unix.SIGUSR1 {
			t.Fatalf("took %v", got)
		}
	}
	close(stop)
	busy.Wait()
}

func deep(n int) (sum int) {
	buf := [64]byte{byte(n)}
	if n > 0 {
		sum = deep(n - 1)
	}
	for _, b := range buf {
		sum += int(b)
	}
	return sum
}

// A full queue holds up nobody.
func TestFullQueue(t *testing.T) {
	q := newQueue(t, unix.SIGUSR1)
	defer q.drop()
	for range 100_000 {
		send(t, unix.SIGUSR1)
	}
	n := 0
	for q.Take() == unix.SIGUSR1 {
		n++
	}
	if n < 64 {
		t.Errorf("the queue held %d signals", n)
	}
	newQueue(t, unix.SIGUSR1) // or the next would be written to what is closed
}

// What the caller had blocked comes, too.
func TestBlocked(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var block, old unix.Sigset_t
	block.Val[0] = 1<<(unix.SIGUSR1-1) | 1<<(Max-3-1) | 1<<(unix.SIGHUP-1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old); err != nil {
		t.Fatal(err)
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	q := newQueue(t, unix.SIGUSR1, Max-3)
	for _, s := range []unix.Signal{unix.SIGUSR1, Max - 3} {
		if err := unix.Tgkill(os.Getpid(), unix.Gettid(), s); err != nil {
			t.Fatal(err)
		}
		if got := take(t, q); got != s {
			t.Errorf("took %v, want %v", got, s)
		}
	}
	var now unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, nil, &now); err != nil {
		t.Fatal(err)
	}
	if want := uint64(1 << (unix.SIGHUP - 1)); now.Val[0] != want {
		t.Errorf("blocked are %#x, want %#x", now.Val[0], want)
	}
}

func TestIgnored(t *testing.T) {
	newQueue(t, unix.SIGUSR2)
	if got, err := Ignored(unix.SIGUSR2); got || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	old := sigaction{}
	if err := rtSigaction(unix.SIGUSR2, &sigaction{handler: sigIgn}, &old); err != nil {
		t.Fatal(err)
	}
	if got, err := Ignored(unix.SIGUSR2); !got || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if old.handler != handlerAddress() {
		t.Error("the handler was not there")
	}
	if _, err := Ignored(99); err == nil {
		t.Error("signal 99 exists")
	}
}

func TestDefault(t *testing.T) {
	newQueue(t, unix.SIGCHLD)
	if err := Default(unix.SIGCHLD); err != nil {
		t.Fatal(err)
	}
	var now sigaction
	if err := rtSigaction(unix.SIGCHLD, nil, &now); err != nil || now.handler != 0 {
		t.Errorf("handler %#x, %v", now.handler, err)
	}
	if err := Default(unix.SIGKILL); err == nil {
		t.Error("SIGKILL has another disposition than the default")
	}
}
