package kernel

import (
	"testing"

	"golang.org/x/sys/unix"
)

func sockets(t *testing.T, kind int) (a, b int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pair[0]); unix.Close(pair[1]) })
	return pair[0], pair[1]
}

func TestSendReceive(t *testing.T) {
	for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_SEQPACKET, unix.SOCK_DGRAM} {
		a, b := sockets(t, kind)
		r, w := pipe(t)
		if err := Send(a, []byte("two"), r.Int(), w.Int()); err != nil {
			t.Fatal(err)
		}
		data := make([]byte, 8)
		n, fds, err := Receive(b, data, 2)
		if err != nil || string(data[:n]) != "two" || len(fds) != 2 {
			t.Fatalf("%q, %v, %v", data[:n], fds, err)
		}
		for _, fd := range fds {
			flags, err := unix.FcntlInt(uintptr(fd.Int()), unix.F_GETFD, 0)
			if err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("received %d: flags %#x, %v", fd.Int(), flags, err)
			}
		}
		CloseAll(fds)
		if err := Send(a, []byte("none")); err != nil {
			t.Fatal(err)
		}
		if n, fds, err := Receive(b, data, 2); err != nil || string(data[:n]) != "none" || fds != nil {
			t.Errorf("%q, %v, %v", data[:n], fds, err)
		}
	}
}

func TestReceiveEnd(t *testing.T) {
	a, b := sockets(t, unix.SOCK_SEQPACKET)
	unix.Shutdown(a, unix.SHUT_WR)
	if n, fds, err := Receive(b, make([]byte, 1), 1); n != 0 || fds != nil || err != nil {
		t.Errorf("%d, %v, %v", n, fds, err)
	}
	unix.Shutdown(b, unix.SHUT_RD)
	if err := Send(a, []byte("x")); err != unix.EPIPE {
		t.Errorf("Send: %v", err)
	}
}

// TestReceiveTooMany is sent more descriptors than are wanted: of those that
// arrived none may stay open, or whoever sends uses up all that there are.
func TestReceiveTooMany(t *testing.T) {
	for most := range 4 {
		for _, sent := range []int{most + 1, most + 2, 50} {
			a, b := sockets(t, unix.SOCK_SEQPACKET)
			r, w := pipe(t)
			many := make([]int, sent)
			for i := range many {
				many[i] = w.Int()
			}
			if err := Send(a, []byte("x"), many...); err != nil {
				t.Fatal(err)
			}
			if n, fds, err := Receive(b, make([]byte, 1), most); n != 1 || err != ErrTruncated || fds != nil {
				t.Errorf("%d of at most %d: length %d, %v, %v", sent, most, n, fds, err)
			}
			w.Close()
			if n, err := Poll([]unix.PollFd{Readable(r.Int())}, 0); n != 1 || err != nil {
				t.Errorf("%d of at most %d: the pipe is still open", sent, most)
			}
		}
	}
}
